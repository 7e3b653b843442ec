"""How many files are judged at once, and how many may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from backend import metrics
from backend.errors import Busy


class Admission:
    """Lets `running` callers through at a time and `waiting` more queue; the rest are turned away at once."""

    def __init__(self, running: int, waiting: int) -> None:
        self._capacity = running + waiting
        self._inside = 0
        self._lock = threading.Lock()
        self._turn = threading.Semaphore(running)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for a turn and hold it.

        Raises:
            Busy: too many are waiting already.
        """
        with self._lock:
            if self._inside >= self._capacity:
                raise Busy("Too many files are waiting to be examined; try again in a few seconds.")
            self._inside += 1
        try:
            with metrics.FILES_WAITING.track_inprogress():
                self._turn.acquire()
            try:
                with metrics.FILES_RUNNING.track_inprogress():
                    yield
            finally:
                self._turn.release()
        finally:
            with self._lock:
                self._inside -= 1
