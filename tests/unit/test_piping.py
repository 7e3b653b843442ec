from __future__ import annotations

import multiprocessing
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from backend import piping
from backend.domain import Appearance, Box, Credentials, Crop, ExaminedFrame, Face, Media
from backend.errors import NoVideoStream
from backend.piping import Watch, receive_found, send_found


@pytest.fixture
def pipe():
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def examined(side: int) -> ExaminedFrame:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    face = Face(Box(1.5, -2, 3, 4), ((0.5, 1.0),) * 5, 0.9)
    crops = (
        Crop(pixels[:, ::-1], Box(1, 2, 3, 4), face, Appearance(1.0, 2.0, None)),
        Crop(pixels, Box(0, 0, 1, 1), None),
    )
    return ExaminedFrame(0.5, False, pixels, 1920, 1080, crops)


@pytest.mark.parametrize("side", [0, 1, 300])
def test_the_frames_that_are_sent_are_received(pipe, side):
    sent = examined(side)
    sending = threading.Thread(target=send_found, args=(pipe[0], [sent]))
    sending.start()
    (received,) = receive_found(pipe[1])
    sending.join()
    np.testing.assert_array_equal(received.pixels, sent.pixels)
    for crop, original in zip(received.crops, sent.crops, strict=True):
        np.testing.assert_array_equal(crop.pixels, original.pixels)
        assert (crop.region, crop.face, crop.appearance) == (original.region, original.face, original.appearance)


@pytest.mark.parametrize(
    "sent",
    [
        Media("video", "mp4", "h264", 1, 2, 90, 1.5, None, 0.1, "GIMP", None, Credentials("valid", True)),
        {"decoding": 1.5},
        {},
        None,
    ],
)
def test_what_else_is_sent_is_received(pipe, sent):
    send_found(pipe[0], sent)
    assert receive_found(pipe[1]) == sent


def test_a_refusal_is_raised_as_what_it_is_and_a_fault_with_its_traceback(pipe):
    send_found(pipe[0], NoVideoStream("There is none."))
    with pytest.raises(NoVideoStream, match="There is none"):
        receive_found(pipe[1])
    send_found(pipe[0], "Traceback: of a worker")
    with pytest.raises(RuntimeError, match="of a worker"):
        receive_found(pipe[1])


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        msgspec.msgpack.encode({"media": "a film"}),
        msgspec.msgpack.encode({"milliseconds": {"decoding": "long"}}),
        msgspec.msgpack.encode({"moment": [{**asdict(examined(0)), "pixels": ((9, 9, 3), b"few"), "crops": ()}]}),
    ],
)
def test_a_worker_that_says_what_none_should_is_taken_for_dead(pipe, said):
    pipe[0].send_bytes(said)
    with pytest.raises(ConnectionError):
        receive_found(pipe[1])


def test_no_code_runs_that_a_worker_sends(pipe, tmp_path):
    pipe[0].send(Malicious(tmp_path / "ran"))
    with pytest.raises(ConnectionError):
        receive_found(pipe[1])
    assert not (tmp_path / "ran").exists()
    pipe[0].send(Malicious(tmp_path / "ran"))
    pipe[1].recv()
    assert (tmp_path / "ran").exists()  # so it would have run


def test_a_message_without_an_end_is_not_read_into_memory(pipe, monkeypatch):
    monkeypatch.setattr(piping, "MOST_BYTES", 1000)
    pipe[0].send_bytes(bytes(2000))
    with pytest.raises(OSError):
        receive_found(pipe[1])


def test_a_sender_that_ends_in_the_middle_is_told_as_such(pipe):
    pipe[0].close()
    with pytest.raises((EOFError, OSError)):
        receive_found(pipe[1])


def test_a_watch_adds_up_the_time_for_which_somebody_was_waited_for():
    acted = threading.Event()
    watch = Watch(60, acted.set)
    for _ in range(2):
        with watch.running():
            time.sleep(0.05)
    assert not acted.is_set() and 0 < watch.left <= 59.9
    watch.stop()


def test_a_watch_acts_when_it_was_waited_for_too_long():
    acted = threading.Event()
    watch = Watch(0.05, acted.set)
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
