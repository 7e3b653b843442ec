"""What a worker tells the service: values of known types and pixels, never code; and how long they may take.

A worker opens files from strangers, so what it says is not trusted: a pickle from it could run anything in the service.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import numpy as np

from backend.domain import ExaminedFrame, Media, Pixels
from backend.errors import DetectorError, MediaTooComplex, NoVideoStream, UnreadableMedia, UnsupportedType
from backend.examination import Examined

MOST_BYTES = 1 << 28  # of a message
NEARLY_OVER = 0.01  # seconds: so seldom a watch that has less than that left looks whether it runs
REFUSALS: dict[str, type[DetectorError]] = {
    refusal.code: refusal for refusal in (MediaTooComplex, NoVideoStream, UnreadableMedia, UnsupportedType)
}


@dataclass(frozen=True)
class _Message:
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
    connection.send_bytes(_encoder.encode(message))


def receive_found(connection: Connection) -> Examined | None:
    """Receive what `send_found` sends.

    Raises:
        DetectorError: why the file is refused.
        RuntimeError: the fault that the worker met.
        EOFError, OSError: the other end is gone, or does not speak as it should.
    """
    try:
        message = _decoder.decode(connection.recv_bytes(MOST_BYTES))
    except msgspec.MsgspecError as error:
        raise ConnectionError("a worker says what none should") from error
    if message.refusal is not None:
        code, sentence = message.refusal
        raise REFUSALS.get(code, UnreadableMedia)(sentence)
    if message.fault is not None:
        raise RuntimeError(message.fault)
    found = (message.media, message.moment, message.milliseconds)
    return next((part for part in found if part is not None), None)


def _as_plain(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return value.shape, np.ascontiguousarray(value).data
    raise NotImplementedError(type(value))


def _as_pixels(wanted: type, plain: tuple[Sequence[int], bytes]) -> Pixels:
    (height, width, channels), data = plain
    return np.frombuffer(data, np.uint8).reshape(height, width, channels)


_encoder = msgspec.msgpack.Encoder(enc_hook=_as_plain)
_decoder = msgspec.msgpack.Decoder(_Message, dec_hook=_as_pixels)


class Watch:
    """Counts the seconds for which somebody is waited for, and acts when these are more than allowed.

    It has one thread, which is not woken when waiting begins and ends: both happen for every message.
    """

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._counted: tuple[float, float | None] = (seconds, None)  # left, and since when it runs
        self._act = act
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    @property
    def left(self) -> float:
        """Seconds that are left; none once it has acted."""
        left, since = self._counted
        return left if since is None else left - (time.monotonic() - since)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time inside the block."""
        self._counted = self.left, time.monotonic()
        try:
            yield
        finally:
            self._counted = self.left, None

    def stop(self) -> None:
        """Count no more, and never act."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(max(NEARLY_OVER, self.left)):
            if self.left <= 0:
                self._act()
                return
