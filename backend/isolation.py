"""Files of strangers are examined in processes of their own, under limits, so that one can hurt no one else."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import resource
import signal
import sys
import traceback
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import cv2
from PIL import Image

from backend import metrics, sandbox
from backend.allocation import keep_freed_memory
from backend.config import ROOT
from backend.errors import Busy, DetectorError, MediaTooComplex, UnreadableMedia
from backend.examination import Examination, Examined, Workers, examine_file, start_workers
from backend.faces.detection import load_detector
from backend.faces.yunet import DETECTOR_PATH
from backend.piping import Fault, receive_found, send_found
from backend.silent_openvino import import_openvino
from backend.watch import Watch

logger = logging.getLogger(__name__)

ADDRESS_SPACE = 2 * 1024**3  # bytes beyond those of a worker at rest; tests open 64 megapixels of every kind with it
ARENAS = 4  # in which freed memory is kept: by default each thread reserves address space for one of its own
OPEN_FILES = 128
NO_MEMORY = -4  # cv::Error::StsNoMem
OUT_OF_MEMORY = "The file takes too much memory to decode."
FILES = 500  # after which a worker is replaced, whatever it may have leaked

START_SECONDS = 30  # in which a worker has started and taken its file
NO_WORKER = "Files cannot be examined at the moment; try again in a few seconds."
TAKEN = b"taken"  # a worker's first answer

STATISTICS = Path("/proc/self/statm")

Task = tuple[Path, Examination, int]  # a file, how closely it is looked at, processor seconds

_context = multiprocessing.get_context("spawn")


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
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's threads would be older than the sandbox, and outside
        self._new_worker = partial(_Worker, threads, _announced(sandbox.find_sandbox()), tuple(files))
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

    def __init__(self, threads: int, confined: sandbox.Sandbox, files: Sequence[Path]) -> None:
        self._connection, theirs = _context.Pipe()
        self._process = _context.Process(target=_work, args=(theirs, threads, confined, files), daemon=True)
        self._process.start()
        theirs.close()
        self._files = 0
        self._resting = True

    def is_fit(self) -> bool:
        """Whether it can take another file: it lives, is at none, and has not had too many."""
        return self._resting and self._files < FILES and self._process.is_alive()

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._connection.close()

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
        self._process.join()
        if overdue or self._process.exitcode == -signal.SIGXCPU:
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


def _work(connection: Connection, threads: int, confined: sandbox.Sandbox, files: Sequence[Path]) -> None:
    """A worker process: examine one file after the other, under limits, until the service ends."""
    keep_freed_memory(ARENAS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service is told, and ends its workers itself
    os.closerange(3, connection.fileno())  # multiprocessing's own, by which things outside could be deleted
    os.closerange(connection.fileno() + 1, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    cv2.setNumThreads(1)
    import_openvino()
    Image.preinit()
    statistics = STATISTICS.open() if STATISTICS.exists() else None
    sandbox.enter(confined, [*_libraries(), DETECTOR_PATH], files)
    load_detector()
    address_space = _address_space_used(statistics) + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    workers = start_workers(threads)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task: Task = connection.recv()
            if not _may_read(task[0]):  # the folder was made anew since: the next worker's sandbox knows it
                return
            connection.send_bytes(TAKEN)
            _examine(connection, task, workers)


def _libraries() -> list[Path]:
    """Where Python looks for code, without our own folder, which holds uploads and frames too."""
    return [path for path in map(Path, sys.path) if path.resolve() != ROOT]


def _may_read(path: Path) -> bool:
    try:
        path.open("rb").close()
    except PermissionError:
        return False
    except OSError:  # whatever else is wrong is told when it is examined
        return True
    return True


def _examine(connection: Connection, task: Task, workers: Workers) -> None:
    """Examine a file and send what is found, then None or what went wrong."""
    path, examination, processor_seconds = task
    spent = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(spent.ru_utime + spent.ru_stime) + processor_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
    failure: DetectorError | str | None = None
    try:
        with _memory_watched():
            for examined in examine_file(path, examination, workers):
                send_found(connection, examined)
    except DetectorError as error:
        failure = error
    except ConnectionError:
        raise
    except Exception:  # the service logs it
        failure = traceback.format_exc()
    send_found(connection, failure)


def _address_space_used(statistics: IO[str] | None) -> int:
    """Bytes of address space that this process has, most of them the detector's runtime; 0 where Linux is not."""
    return int(statistics.read().split()[0]) * resource.getpagesize() if statistics else 0


@contextlib.contextmanager
def _memory_watched() -> Iterator[None]:
    """Tell what runs out of address space from what is damaged."""
    try:
        yield
    except MemoryError:
        raise MediaTooComplex(OUT_OF_MEMORY) from None
    except cv2.error as error:
        if error.code == NO_MEMORY:
            raise MediaTooComplex(OUT_OF_MEMORY) from None
        raise
