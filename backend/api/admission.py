"""How many files are judged at once, and how many may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from backend import metrics
from backend.errors import Busy
from backend.progress import Progress


class Admission:
    """Lets `running` callers through at a time and `waiting` more queue; the rest are turned away at once."""

    def __init__(self, running: int, waiting: int) -> None:
        self._capacity = running + waiting
        self._inside = 0
        self._free = running
        self._changed = threading.Condition()

    @contextmanager
    def enter(self, progress: Progress) -> Iterator[None]:
        """Wait for a turn and hold it.

        Raises:
            Busy: too many are waiting already.
            Cancelled: it was while it waited.
        """
        with self._changed:
            if self._inside >= self._capacity:
                raise Busy("Too many files are waiting to be examined; try again in a few seconds.")
            self._inside += 1
        try:
            self._await_turn(progress)
            try:
                with metrics.FILES_RUNNING.track_inprogress():
                    yield
            finally:
                self._give_back_turn()
        finally:
            with self._changed:
                self._inside -= 1

    def look_again(self) -> None:
        """Let those that wait see whether they were cancelled."""
        with self._changed:
            self._changed.notify_all()

    def _await_turn(self, progress: Progress) -> None:
        with metrics.FILES_WAITING.track_inprogress(), self._changed:
            self._changed.wait_for(lambda: self._free or progress.has_ended)
            progress.enter("examining")
            self._free -= 1

    def _give_back_turn(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()
