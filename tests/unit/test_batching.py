from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backend.model.batching import BATCHES_AHEAD, Batcher
from tests.app.test_metrics import counted
from tests.server import wait_until


class MeanNetwork:
    """Answers with each crop's mean; notes the batches, and holds them back until it is let go."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.started = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def put(self, crops):
        self.batches.append(len(crops))
        self.started.set()
        return crops

    def run(self, crops):
        if crops.max() == 255:
            raise RuntimeError("the device failed")
        return crops.mean(axis=(1, 2, 3), dtype=np.float32)

    def fetch(self, answer, count):
        assert self.free.wait(10)
        if answer.max() == 254:
            raise RuntimeError("the device failed late")
        return answer[:count], np.tile(answer[:count, None, None], (1, 7, 7))


def crops_of(values) -> np.ndarray:
    return np.tile(np.asarray(values, np.uint8)[:, None, None, None], (1, 4, 4, 3))


@pytest.mark.parametrize("count", [1, 3, 8, 9, 40])
def test_every_request_gets_the_answers_to_its_own_crops(count):
    batcher = Batcher([MeanNetwork()], [1, 4, 8])
    probabilities, maps = batcher.predict(crops_of(range(count)))
    np.testing.assert_array_equal(probabilities, np.arange(count))
    assert maps.shape == (count, 7, 7)


def test_requests_that_come_while_a_device_is_busy_are_judged_together():
    network = MeanNetwork()
    network.free.clear()
    batcher = Batcher([network], [1, 4, 8])
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(16)]
        network.free.set()
        assert [float(answer.result()[0][0]) for answer in answers] == list(range(16))
    assert len(network.batches) < 16 and max(network.batches) > 1


def test_batches_have_no_sizes_but_the_compiled_ones():
    network = MeanNetwork()
    batcher = Batcher([network], [1, 4, 8])
    for count in (1, 2, 3, 5, 8, 13):
        batcher.predict(crops_of(range(count)))
    assert set(network.batches) <= {1, 4, 8}


def test_several_devices_share_the_work():
    networks = [MeanNetwork(), MeanNetwork()]
    for network in networks:
        network.free.clear()
    batcher = Batcher(networks, [1])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(8)]
        assert all(network.started.wait(10) for network in networks)
        for network in networks:
            network.free.set()
        assert [float(answer.result()[0][0]) for answer in answers] == list(range(8))


def test_jobs_that_do_not_fit_together_are_left_to_other_devices():
    busy, idle = MeanNetwork(), MeanNetwork()
    busy.free.clear()
    batcher = Batcher([busy, idle], [4])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value] * 3)) for value in range(8)]
        wait_until(lambda: sum(answer.done() for answer in answers) >= 8 - BATCHES_AHEAD, 10)
        busy.free.set()
        assert [float(answer.result(10)[0][0]) for answer in answers] == list(range(8))


@pytest.mark.parametrize("value", [255, 254])
def test_a_device_that_fails_is_told_to_those_who_wait_and_works_on(value):
    batcher = Batcher([MeanNetwork()], [1, 4])
    for _ in range(5):
        with pytest.raises(RuntimeError, match="device failed"):
            batcher.predict(crops_of([value]))
    assert batcher.predict(crops_of([7]))[0] == [7]


def test_the_crops_of_a_batch_are_counted_without_those_that_fill_it_up():
    before = counted("detector_network_batch_crops_sum"), counted("detector_network_batch_crops_count")
    Batcher([MeanNetwork()], [1, 4, 8]).predict(crops_of(range(11)))
    assert counted("detector_network_batch_crops_sum") == before[0] + 11
    assert counted("detector_network_batch_crops_count") == before[1] + 2
