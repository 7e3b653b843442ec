"""Files of strangers are examined in processes of their own, under limits, so that one can hurt no one else."""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backend import metrics, sandbox
from backend.confined import TAKEN, Beginning, Task
from backend.errors import Busy, DetectorError, MediaTooComplex, UnreadableMedia
from backend.examination import Examination, Examined
from backend.piping import Fault, receive_found
from backend.watch import Watch

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("confined.py")
FILES = 500  # after which a worker is replaced, whatever it may have leaked

START_SECONDS = 30  # in which a worker has started and taken its file
NO_WORKER = "Files cannot be examined at the moment; try again in a few seconds."


@dataclass(frozen=True)
class WorkerLimits:
    """Seconds of wall clock and of processor time that one file may take."""

    wall_seconds: float
    processor_seconds: int


class IsolatedExaminer:
    """Worker processes, each at one file at a time; one that dies is replaced.

    Each has a pipe of its own, so that none can hold a lock that another needs, also when it is killed while idle.

    Args:
        processes: files at a time.
        threads: of each, to find faces.
        limits: of each file.
        files: what is examined: the files, or folders in which they will be; workers can read nothing else.
    """

    def __init__(self, processes: int, threads: int, limits: WorkerLimits, files: Sequence[Path]) -> None:
        self._limits = limits
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._new_worker = partial(_Worker, (threads, _announced(sandbox.find_sandbox()), tuple(files)))
        with ThreadPoolExecutor(1) as starting:  # not the main thread, in which an interrupt would tear a start apart
            for worker in starting.map(lambda _: self._new_worker(), range(processes)):
                self._idle.put(worker)

    def examine(self, path: Path, examination: Examination) -> Generator[Examined, None, None]:
        """What `examine_file` gives, from a worker process; see there. Closed early, the worker is replaced.

        Raises:
            MediaTooComplex: the file took longer, more processor time or more memory than the limits.
            UnreadableMedia: the worker died of it, or said what none should.
            Fault: the worker met one.
            Busy: no worker could be started.
        """
        task: Task = (path, examination, self._limits.processor_seconds)
        worker = self._idle.get()
        try:
            if not worker.takes(task):  # it was killed while it rested, or has had enough: not this file's fault
                worker = self._replacement(worker)
                if not worker.takes(task):
                    raise Busy(NO_WORKER)
            yield from worker.findings(self._limits.wall_seconds)
        finally:
            with contextlib.suppress(Busy):  # where no process can be started now, the next file tries again
                if not worker.is_fit():
                    worker = self._replacement(worker)
            self._idle.put(worker)

    def close(self) -> None:
        """End all workers that are idle; the others end with their process."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def _replacement(self, worker: _Worker) -> _Worker:
        worker.end()
        metrics.WORKER_RESTARTS.inc()
        try:
            return self._new_worker()
        except OSError as error:
            raise Busy(NO_WORKER) from error


class _Worker:
    """One process, seen from the service."""

    def __init__(self, beginning: Beginning) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own program, and no shell
                [sys.executable, PROGRAM, str(theirs.fileno())],
                # NumPy's threads would be older than the sandbox, and outside.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # An interrupt is for the service, which ends its workers itself. In a session of their own Linux would
                # share the processor by sessions, whatever the niceness of the service's threads.
                process_group=0,
            )
        atexit.register(self.end)
        self._connection.send(beginning)
        self._files = 0
        self._resting = True

    def is_fit(self) -> bool:
        """Whether it can take another file: it lives, is at none, and has not had too many."""
        return self._resting and self._files < FILES and self._process.poll() is None

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        atexit.unregister(self.end)

    def takes(self, task: Task) -> bool:
        """Whether it has taken a file; then its findings must be fetched."""
        if not self.is_fit():
            return False
        self._files += 1
        self._resting = False
        try:
            self._connection.send(task)
            return self._connection.poll(START_SECONDS) and self._connection.recv_bytes(len(TAKEN)) == TAKEN
        except (EOFError, OSError):
            return False

    def findings(self, wall_seconds: float) -> Iterator[Examined]:
        """What it finds in the file that it has taken."""
        watch = Watch(wall_seconds, self._process.kill)
        try:
            while True:
                try:
                    with watch.running():  # what our side does between messages is not the file's time
                        found = receive_found(self._connection)
                except (EOFError, OSError) as error:  # OSError: it died in the middle of a message
                    raise self._cause_of_death(overdue=watch.left <= 0) from error
                except (DetectorError, Fault):
                    self._resting = True
                    raise
                if found is None:
                    self._resting = True
                    return
                yield found
        finally:
            watch.stop()

    def _cause_of_death(self, overdue: bool) -> DetectorError:
        self._process.kill()  # it lives where it said what none should
        self._process.wait()
        if overdue or self._process.returncode == -signal.SIGXCPU:
            return MediaTooComplex("The file takes too long to decode.")
        return UnreadableMedia("The file is damaged: it makes its decoder fail.")


def _announced(found: sandbox.Sandbox) -> sandbox.Sandbox:
    """Say once what workers are kept from, since that differs between machines."""
    if found.landlock and found.filters_calls:
        logger.info("workers are in a sandbox", extra={"landlock": found.landlock})
    else:
        missing = [*["Landlock"] * (not found.landlock), *["libseccomp"] * (not found.filters_calls)]
        logger.warning("workers are in no sandbox, or in a part of one", extra={"missing": missing})
    return found
