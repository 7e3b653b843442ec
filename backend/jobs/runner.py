"""Threads of the service itself that carry out jobs, one file each at a time."""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from backend.jobs.carrying import Carrier
from backend.jobs.sqlite_ledger import SqliteLedger
from backend.progress import Progress

logger = logging.getLogger(__name__)

LOCK_NAME = ".runner.lock"
LOOK_SECONDS = 1.0  # between looks for what other processes have taken in
REST_SECONDS = 10  # after a failure that nobody foresaw
DRAIN_SECONDS = 5.0  # in which what is being judged may still be finished when the service ends
GIVING_UP_SECONDS = 3.0  # in which it then comes to its next instant, and is given back


class Turns(Protocol):
    """Places among all files that are judged, whether for jobs or not."""

    def turn(self, is_given_up: Callable[[], bool]) -> AbstractContextManager[bool]:
        """Wait for a place and hold it; False if it was given up before."""

    def look_again(self) -> None:
        """Let those that wait see whether they are to give up."""


class Runner:
    """Carries out the jobs of a ledger, unless another process does; takes over when that one ends.

    Args:
        folder: of the ledger; a lock in it tells whose turn it is.
        threads: files at a time.
        is_ready: whether there is a model that could judge.
    """

    def __init__(
        self,
        ledger: SqliteLedger,
        carrier: Carrier,
        folder: Path,
        threads: int,
        turns: Turns,
        is_ready: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._carrier = carrier
        self._lock_path = folder / LOCK_NAME
        self._turns = turns
        self._is_ready = is_ready
        self._threads = [threading.Thread(target=self._run, name=f"jobs-{n}", daemon=True) for n in range(threads)]
        self._changed = threading.Condition()
        self._ending = False
        self._woken = 0
        self._at_work: dict[tuple[str, int], Progress] = {}
        self._lock: IO[bytes] | None = None
        self._is_sound = False  # whether nothing is said to be judged that is not

    def start(self) -> None:
        """Begin, with what was left undone."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once whether there is something to do."""
        with self._changed:
            self._woken += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Wait a moment for what is being judged, give the rest back, and leave the ledger to others."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._turns.look_again()
        self._join(DRAIN_SECONDS)
        for progress in list(self._at_work.values()):
            progress.cancel()
        self._join(GIVING_UP_SECONDS)
        if self._lock:
            self._lock.close()

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._ending:
            seen = self._woken
            try:
                if not (self._owns() and self._is_ready() and self._ledger.waits()):
                    self._wait(LOOK_SECONDS, lambda: self._woken != seen)  # noqa: B023  # called at once
                    continue
                with self._turns.turn(lambda: self._ending) as had:
                    rest = self._take() if had else 0
            except Exception:  # a thread that ends judges nothing any more
                logger.exception("a file of a job could not be carried out")
                self._is_sound = False
                rest = REST_SECONDS
            self._wait(rest)

    def _take(self) -> int:
        with self._changed:  # what is said to be judged, and by whom, is looked at under the same lock
            task = self._ledger.claim()
            if task is None:
                return 0
            progress = self._at_work[task.job, task.place] = self._carrier.follow(task)
        try:
            return self._carrier.carry_out(task, progress)
        finally:
            del self._at_work[task.job, task.place]

    def _owns(self) -> bool:
        with self._changed:
            if self._lock is None:
                self._lock = _lock(self._lock_path)
            if self._lock is not None and not self._is_sound:
                self._ledger.recover(self._at_work)
                self._is_sound = True
            return self._lock is not None

    def _wait(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ending or is_over(), seconds)


def _lock(path: Path) -> IO[bytes] | None:
    """The lock, if no other process has it."""
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.touch()
    lock = path.open("rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
