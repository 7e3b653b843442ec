"""What a worker does with the messages it gets, and how it is known to live."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence

from backend.errors import StorageFailed
from backend.jobs.carrying import Carrier, ReportedProgress
from backend.jobs.job import Queue
from backend.jobs.redis_ledger import LEASE_SECONDS, RedisLedger

logger = logging.getLogger(__name__)

ROUND_SECONDS = LEASE_SECONDS / 5
DRAIN_SECONDS = 5.0  # in which what is being judged may still be finished when the worker ends


class Crew:
    """Takes a file for each message; and goes its rounds, so that leases are renewed and no file waits unseen.

    Args:
        queues: those it takes files from.
        fill: sends messages for so many files of a queue that wait, if any are missing.
        is_ready: whether there is a model that could judge; without one the process is told to end.
    """

    def __init__(
        self,
        ledger: RedisLedger,
        carrier: Carrier,
        queues: Sequence[Queue],
        fill: Callable[[Queue, int], None],
        is_ready: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._carrier = carrier
        self._queues = queues
        self._fill = fill
        self._is_ready = is_ready
        self._at_work: set[ReportedProgress] = set()
        self._ending = threading.Event()
        self._rounds = threading.Thread(target=self._go_rounds, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin the rounds."""
        self._rounds.start()

    def judge_next(self) -> None:
        """Judge the file whose turn it is."""
        if not self._is_ready():
            os.kill(os.getpid(), signal.SIGTERM)  # others can judge it; this process cannot any more
            self._ending.set()
        if self._ending.is_set():
            return
        try:
            task = self._ledger.claim()
            if task is None:
                return
            progress = self._carrier.follow(task)
            self._at_work.add(progress)
            try:
                rest = self._carrier.carry_out(task, progress)
            finally:
                self._at_work.discard(progress)
        except StorageFailed:  # its lease will end, and then it is somebody's again
            logger.exception("a file of a job is left to another worker")
            return
        self._ending.wait(rest)

    def drain(self) -> None:
        """Begin nothing more, and give back what is not finished in a moment."""
        self._ending.set()
        timer = threading.Timer(DRAIN_SECONDS, self._cancel)
        timer.daemon = True  # what has ended before need not be waited for
        timer.start()

    def _cancel(self) -> None:
        for progress in list(self._at_work):
            progress.cancel()

    def _go_rounds(self) -> None:
        while not self._ending.wait(ROUND_SECONDS):
            try:
                for progress in list(self._at_work):
                    progress.tell()
                for queue in self._queues:
                    if waiting := self._ledger.waiting(queue):
                        self._fill(queue, waiting)
            except StorageFailed:
                logger.warning("the ledger cannot be reached")
            except Exception:  # without rounds, all that is being judged here would be another's too
                logger.exception("a round failed")
