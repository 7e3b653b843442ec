"""Files of strangers are examined in processes of their own, under limits, so that one can hurt no one else."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

import cv2
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from backend.errors import MediaTooComplex, UnreadableMedia
from backend.examination import Examination, Examined, Workers, examine_file, start_workers
from backend.faces.detection import load_detector

ADDRESS_SPACE = 2 * 1024**3  # bytes: 64 megapixels need 0.8 GiB, 4K video under 0.5
OPEN_FILES = 128
NO_MEMORY = -4  # cv::Error::StsNoMem
OUT_OF_MEMORY = "The file takes too much memory to decode."
TASKS = 500  # files after which a worker is replaced, whatever it may have leaked


@dataclass(frozen=True)
class WorkerLimits:
    """Seconds of wall clock and of processor time that one file may take."""

    wall_seconds: float
    processor_seconds: int


_workers: Workers  # of a worker process: the threads that find faces


class IsolatedExaminer:
    """A pool of worker processes, each at one file at a time; a worker that dies is replaced."""

    def __init__(self, processes: int, threads: int, limits: WorkerLimits) -> None:
        self._limits = limits
        self._pool = ProcessPool(
            max_workers=processes,
            max_tasks=TASKS,
            initializer=_begin,
            initargs=[threads],
            context=multiprocessing.get_context("spawn"),
        )
        for _ in range(processes):
            self._pool.schedule(_ready)

    def examine(self, path: Path, examination: Examination) -> Iterator[Examined]:
        """What `examine_file` gives, from a worker process; see there.

        Raises:
            MediaTooComplex: the file took longer, or more memory, than the limits.
            UnreadableMedia: the worker died of it, as it does when its processor time is over.
        """
        with Listener() as listener:
            future = self._pool.schedule(
                _examine,
                args=(path, examination, self._limits.processor_seconds, listener.address),
                timeout=self._limits.wall_seconds,
            )
            future.add_done_callback(lambda _: _knock(listener))
            try:
                with listener.accept() as connection:
                    yield from _received(connection)
                _finish(future)
            finally:
                future.cancel()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End all workers."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _received(connection: Connection) -> Iterator[Examined]:
    with contextlib.suppress(EOFError):
        while True:
            yield connection.recv()


def _finish(future: ProcessFuture[None]) -> None:
    """Wait for a worker's end and tell what it died of, if it did."""
    try:
        future.result()
    except FutureTimeoutError as error:
        raise MediaTooComplex("The file takes too long to decode.") from error
    except ProcessExpired as error:
        raise UnreadableMedia("The file is damaged: it makes its decoder fail.") from error


def _knock(listener: Listener) -> None:
    """End the waiting for a worker that died before it called."""
    with contextlib.suppress(OSError):
        Client(listener.address).close()


def _begin(threads: int) -> None:
    """Prepare a worker process: its limits, its detector and its threads."""
    global _workers
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    cv2.setNumThreads(1)
    load_detector()
    _workers = start_workers(threads)


def _ready() -> None:
    """Nothing: a worker that gets to it has started, so that no file must wait for that."""


def _examine(path: Path, examination: Examination, processor_seconds: int, address: str) -> None:
    """In a worker process: examine a file and send what is found."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(spent.ru_utime + spent.ru_stime) + processor_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
    with Client(address) as connection, _memory_watched():
        for examined in examine_file(path, examination, _workers):
            connection.send(examined)


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
