from __future__ import annotations

import multiprocessing
import threading
import time

import numpy as np
import pytest

from backend.domain import Box, Crop
from backend.piping import Watch, receive_found, send_found


@pytest.fixture
def pipe():
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("side", [0, 1, 300])
def test_what_is_sent_is_what_is_received(pipe, side):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    sent = {"crops": [Crop(pixels, Box(1, 2, 3, 4), None), Crop(pixels[:, ::-1], Box(5, 6, 7, 8), None)], "none": None}
    sending = threading.Thread(target=send_found, args=(pipe[0], sent))
    sending.start()
    received = receive_found(pipe[1])
    sending.join()
    assert received["none"] is None and [crop.region for crop in received["crops"]] == [(1, 2, 3, 4), (5, 6, 7, 8)]
    for crop, original in zip(received["crops"], sent["crops"], strict=True):
        np.testing.assert_array_equal(crop.pixels, original.pixels)


def test_pixels_do_not_pass_through_the_pickle(pipe):
    pixels = np.zeros((100, 100, 3), np.uint8)
    send_found(pipe[0], pixels)
    assert len(pipe[1].recv_bytes()) < 1000 and len(pipe[1].recv_bytes()) == pixels.nbytes


def test_a_sender_that_ends_in_the_middle_is_told_as_such(pipe):
    pipe[0].send((b"", [10]))
    pipe[0].close()
    with pytest.raises((EOFError, OSError)):
        receive_found(pipe[1])


def test_a_watch_acts_when_it_was_waited_for_too_long_in_all():
    acted = threading.Event()
    watch = Watch(0.2, acted.set)
    for _ in range(2):
        with watch.running():
            time.sleep(0.05)
    assert not acted.is_set() and 0 < watch.left <= 0.1
    with watch.running():
        assert acted.wait(5)
    assert watch.left <= 0


def test_a_watch_counts_no_time_in_which_nobody_is_waited_for():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
    time.sleep(0.2)
    assert not acted.is_set() and watch.left == 0.05
    watch.stop()


def test_a_watch_that_is_stopped_never_acts():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
    watch.stop()
    with watch.running():
        assert not acted.wait(0.2)
