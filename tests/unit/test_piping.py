from __future__ import annotations

import multiprocessing
import os
import pickle
import struct
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from backend import piping
from backend.domain import CROP_SIDE, Appearance, Box, Credentials, Crop, ExaminedFrame, Face, Media
from backend.errors import NoVideoStream
from backend.piping import Fault, receive_found, send_found, send_message


@pytest.fixture
def pipe():
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def examined(side: int) -> ExaminedFrame:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    face = Face(Box(1.5, -2, 3, 4), ((0.5, 1.0),) * 5, 0.9)
    crop = np.resize(pixels, (CROP_SIDE, CROP_SIDE, 3))
    crops = (
        Crop(crop[:, ::-1], Box(1, 2, 3, 4), face, Appearance(1.0, 2.0, None)),
        Crop(crop, Box(0, 0, 1, 1), None),
    )
    return ExaminedFrame(0.5, False, pixels, 1920, 1080, crops)


@pytest.mark.parametrize("side", [1, 300])
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
    with pytest.raises(Fault, match="of a worker"):
        receive_found(pipe[1])


def test_what_is_no_part_of_a_message_cannot_be_sent(pipe):
    with pytest.raises(TypeError, match="Path is no part"):
        send_found(pipe[0], {"decoding": Path("a")})


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def nested(depth: int) -> bytes:
    return b"\x81\xa6moment\x91\x81\xa6pixels" + b"\x91" * depth + b"\xc0"


def moment(**changed: object) -> bytes:
    plain = {**asdict(examined(1)), "pixels": ((1, 1, 3), bytes(3)), "crops": ()}
    return msgspec.msgpack.encode({"moment": [{**plain, **changed}]})


@pytest.mark.parametrize(
    "said",
    [
        b"",
        nested(5000),
        msgspec.msgpack.encode({"media": "a film"}),
        msgspec.msgpack.encode({"milliseconds": {"decoding": "long"}}),
        msgspec.msgpack.encode({"milliseconds": {"a name of its own": 1.0}}),
        msgspec.msgpack.encode({"refusal": ("busy", "Come again.")}),
        msgspec.msgpack.encode({"more": 1}),
        moment(pixels=((9, 9, 3), b"few")),
        moment(pixels=((-1, 1, 3), bytes(3))),
        moment(crops=({"pixels": ((1, 1, 3), bytes(3)), "region": (0, 0, 1, 1), "face": None},)),
    ],
)
def test_a_worker_that_says_what_none_should_is_taken_for_dead(pipe, said):
    send_message(pipe[0], moment())
    assert receive_found(pipe[1])
    send_message(pipe[0], said)
    with pytest.raises(ConnectionError):
        receive_found(pipe[1])


def test_no_code_runs_that_a_worker_sends(pipe, tmp_path):
    code = pickle.dumps(Malicious(tmp_path / "ran"))
    send_message(pipe[0], code)
    with pytest.raises(ConnectionError):
        receive_found(pipe[1])
    assert not (tmp_path / "ran").exists()
    pipe[0].send_bytes(code)
    with pytest.raises(OSError, match="bad message length"):
        receive_found(pipe[1])
    assert not (tmp_path / "ran").exists()
    pickle.loads(code)
    assert (tmp_path / "ran").exists()  # so it would have run


def test_a_message_larger_than_any_is_not_read_into_memory(pipe, monkeypatch):
    said = moment()
    monkeypatch.setattr(piping, "MOST_BYTES", len(said))
    send_message(pipe[0], said)
    assert receive_found(pipe[1])
    send_message(pipe[0], said + b"\0")
    with pytest.raises(ConnectionError):
        receive_found(pipe[1])


@pytest.mark.parametrize("sent", [b"", struct.pack("!i", 8) + b"half", struct.pack("!iq", 8, 100) + b"half"])
def test_a_sender_that_ends_in_the_middle_is_told_as_such(pipe, sent):
    os.write(pipe[0].fileno(), sent)
    pipe[0].close()
    with pytest.raises((EOFError, OSError)):
        receive_found(pipe[1])
