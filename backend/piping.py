"""What a worker tells the service: pixels through a pipe without needless copies, and how long they may take."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

NEARLY_OVER = 0.01  # seconds: so seldom a watch that has less than that left looks whether it runs


def send_found(connection: Connection, found: object) -> None:
    """Send an object; the pixels of its arrays follow it as they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    described = pickle.dumps(found, protocol=5, buffer_callback=buffers.append)
    pixels = [buffer.raw() for buffer in buffers]
    connection.send((described, [part.nbytes for part in pixels]))
    for part in pixels:
        if part.nbytes:
            connection.send_bytes(part)


def receive_found(connection: Connection) -> Any:
    """Receive what `send_found` sends.

    Raises:
        EOFError, OSError: the other end is gone, perhaps in the middle of it.
    """
    described, sizes = connection.recv()
    pixels = [np.empty(size, np.uint8) for size in sizes]
    for part in pixels:
        if part.size:
            connection.recv_bytes_into(part.data)
    return pickle.loads(described, buffers=pixels)  # noqa: S301  # as `Connection.recv` does


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
