"""What a worker tells the service: values of known types and pixels, never code.

A worker opens files from strangers, so what it says is not trusted: a pickle from it could run anything in the service.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import numpy as np

from backend.domain import CROP_SIDE, ExaminedFrame, Media, Pixels
from backend.errors import DetectorError, MediaTooComplex, NoVideoStream, UnreadableMedia, UnsupportedType
from backend.examination import Examined

MOST_BYTES = 1 << 28  # of a message
LENGTH_BYTES = 8  # in which its length is told before it
PIXELS = 1  # MessagePack's extensions are given as they lie in the message, other bytes are copied
REFUSALS: dict[str, type[DetectorError]] = {
    refusal.code: refusal for refusal in (MediaTooComplex, NoVideoStream, UnreadableMedia, UnsupportedType)
}
STAGES = {"decoding", "faces"}
NONSENSE = "a worker says what none should"


class Fault(Exception):
    """What a worker met that is no fault of the file, as a traceback."""


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of these; none at the end of a file. `refusal` is a code and its sentence, `fault` a traceback."""

    media: Media | None = None
    moment: list[ExaminedFrame] | None = None
    milliseconds: dict[str, float] | None = None
    refusal: tuple[str, str] | None = None
    fault: str | None = None


def send_found(connection: Connection, found: Examined | DetectorError | str | None) -> None:
    """Send what was found in a file: at its end None, why it is refused, or the traceback of a fault."""
    match found:
        case Media():
            message = _Message(media=found)
        case list():
            message = _Message(moment=found)
        case dict():
            message = _Message(milliseconds=found)
        case DetectorError():
            message = _Message(refusal=(found.code, found.sentence))
        case _:
            message = _Message(fault=found)
    send_message(connection, _encoder.encode(message))


def receive_found(connection: Connection) -> Examined | None:
    """Receive what `send_found` sends.

    Raises:
        DetectorError: why the file is refused.
        Fault: the worker met one.
        EOFError, OSError: the other end is gone, or does not speak as it should.
    """
    try:
        message = _decoder.decode(receive_message(connection))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ConnectionError(NONSENSE) from error
    if not _is_known(message):
        raise ConnectionError(NONSENSE)
    if message.refusal is not None:
        code, sentence = message.refusal
        raise REFUSALS[code](sentence)
    if message.fault is not None:
        raise Fault(message.fault)
    if message.moment is not None:
        return message.moment
    return message.media if message.media is not None else message.milliseconds


def send_message(connection: Connection, message: bytes) -> None:
    """Send a message for `receive_message`."""
    connection.send_bytes(len(message).to_bytes(LENGTH_BYTES))
    left = memoryview(message)
    while left:
        left = left[os.write(connection.fileno(), left) :]


def receive_message(connection: Connection) -> memoryview:
    """Read a message into one place: over the pixels of a frame `Connection.recv_bytes` takes five times as long.

    Raises:
        EOFError, OSError: the other end is gone, or does not speak as it should.
    """
    length = int.from_bytes(connection.recv_bytes(LENGTH_BYTES))
    if length > MOST_BYTES:
        raise ConnectionError(NONSENSE)
    message = left = np.empty(length, np.uint8).data
    while left:
        count = os.readv(connection.fileno(), [left])
        if not count:
            raise EOFError
        left = left[count:]
    return message


def _is_known(message: _Message) -> bool:
    """Whether it is what workers say.

    Stages are counted for good, and a crop of another size would fail in the network with those of other files.
    """
    crops = [crop for frame in message.moment or () for crop in frame.crops]
    return (
        (message.refusal is None or message.refusal[0] in REFUSALS)
        and set(message.milliseconds or ()) <= STAGES
        and all(crop.pixels.shape[:2] == (CROP_SIDE, CROP_SIDE) for crop in crops)
    )


def _as_plain(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return value.shape, msgspec.msgpack.Ext(PIXELS, np.ascontiguousarray(value).data)
    raise TypeError(f"{type(value).__name__} is no part of a message")


def _as_pixels(wanted: type, plain: tuple[Sequence[int], memoryview]) -> Pixels:
    (height, width, channels), data = plain
    if min(height, width) < 1 or channels != 3:
        raise ValueError("no picture")
    return np.frombuffer(data, np.uint8).reshape(height, width, channels)


_encoder = msgspec.msgpack.Encoder(enc_hook=_as_plain)
_decoder = msgspec.msgpack.Decoder(_Message, dec_hook=_as_pixels, ext_hook=lambda _, data: data)
