from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backend.errors import NotReady
from backend.model.batching import BATCHES_AHEAD, Batcher
from tests.fakes import FailingNetwork, MeanNetwork
from tests.metrics import counted
from tests.server import wait_until


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


STAGES = pytest.mark.parametrize("stage", ["put", "run", "fetch"])


@STAGES
def test_a_device_that_fails_gets_no_more_work_and_others_do_what_it_was_to_do(stage, caplog):
    before = counted("detector_failed_devices_total")
    failing, sound = FailingNetwork(stage), MeanNetwork()
    sound.free.clear()  # so that the other gets work too
    batcher = Batcher([failing, sound], [1])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(8)]
        wait_until(lambda: counted("detector_failed_devices_total") == before + 1, 10)
        sound.free.set()
        assert [float(answer.result(10)[0][0]) for answer in answers] == list(range(8))
    seen = len(failing.batches)
    assert 1 <= seen <= BATCHES_AHEAD and not batcher.failed
    for value in range(20):
        assert batcher.predict(crops_of([value]))[0] == [value]
    assert len(failing.batches) == seen
    (line,) = caplog.records
    assert (line.levelname, line.devices_left) == ("ERROR", 1) and line.exc_info[0] is RuntimeError


@STAGES
def test_when_the_last_device_has_failed_all_who_wait_and_all_who_come_are_told(stage):
    batcher = Batcher([FailingNetwork(stage), FailingNetwork(stage)], [1])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(8)]
        assert all(isinstance(answer.exception(10), NotReady) for answer in answers)
    assert batcher.failed
    with pytest.raises(NotReady, match="started anew"):
        batcher.predict(crops_of(range(3)))


def test_what_a_silent_device_has_is_done_by_others_and_its_late_answers_change_nothing(monkeypatch):
    monkeypatch.setattr("backend.model.batching.SILENT_SECONDS", 1.0)
    silent, sound = MeanNetwork(), MeanNetwork()
    silent.free.clear()
    sound.free.clear()  # so that the other gets work too
    batcher = Batcher([silent, sound], [1])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(2 * BATCHES_AHEAD)]
        assert silent.started.wait(10)
        sound.free.set()
        assert [float(answer.result(10)[0][0]) for answer in answers] == list(range(2 * BATCHES_AHEAD))
    assert [device.failed for device in batcher._devices] == [True, False]
    silent.free.set()
    wait_until(lambda: batcher._devices[0].sent.empty(), 10)
    assert batcher.predict(crops_of([7]))[0] == [7]


def test_when_the_only_device_says_nothing_all_are_told(monkeypatch):
    monkeypatch.setattr("backend.model.batching.SILENT_SECONDS", 1.0)
    network = MeanNetwork()
    network.free.clear()
    batcher = Batcher([network], [1])
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(4)]
        assert all(isinstance(answer.exception(10), NotReady) for answer in answers)
    network.free.set()
    assert batcher.failed


def test_more_requests_than_may_wait_are_told_too(monkeypatch):
    monkeypatch.setattr("backend.model.batching.JOBS_WAITING", 2)
    network = FailingNetwork("fetch")
    network.stage = "nowhere"
    network.free.clear()
    batcher = Batcher([network], [1])
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(16)]
        assert network.started.wait(10)
        network.stage = "fetch"
        network.free.set()
        told = [answer.exception(10) for answer in answers]
    assert isinstance(told[-1], NotReady) and set(map(type, told)) <= {NotReady, type(None)}


def test_what_makes_devices_fail_is_not_tried_on_all_of_them():
    networks = [MeanNetwork() for _ in range(4)]
    batcher = Batcher(networks, [1])
    with pytest.raises(NotReady, match="this have failed"):
        batcher.predict(crops_of([255]))
    for value in range(20):
        assert batcher.predict(crops_of([value]))[0] == [value]
    assert sum(device.failed for device in batcher._devices) == 2


def test_what_a_device_had_been_sent_when_it_failed_is_answered_or_told():
    network = FailingNetwork("fetch")
    network.free.clear()
    batcher = Batcher([network], [1])
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(batcher.predict, crops_of([value])) for value in range(2)]
        wait_until(lambda: len(network.batches) == BATCHES_AHEAD, 10)
        network.free.set()
        assert all(isinstance(answer.exception(10), NotReady) for answer in answers)


def test_what_a_device_had_been_sent_before_it_failed_is_answered():
    network = MeanNetwork()
    network.free.clear()
    batcher = Batcher([network], [1])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.predict, crops_of([7]))
        assert network.started.wait(10)
        second = pool.submit(batcher.predict, crops_of([255]))
        assert isinstance(second.exception(10), NotReady)
        network.free.set()
        assert first.result(10)[0] == [7]


def test_the_crops_of_a_batch_are_counted_without_those_that_fill_it_up():
    before = counted("detector_network_batch_crops_sum"), counted("detector_network_batch_crops_count")
    Batcher([MeanNetwork()], [1, 4, 8]).predict(crops_of(range(11)))
    assert counted("detector_network_batch_crops_sum") == before[0] + 11
    assert counted("detector_network_batch_crops_count") == before[1] + 2
