"""The inside of a worker process of `isolation`: it examines one file after the other, under limits.

Every worker loads its own code, so it imports no more than it needs: neither the service nor its settings.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

if not __package__:  # as in app.py
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
from PIL import Image

from backend import sandbox
from backend.allocation import keep_freed_memory
from backend.errors import DetectorError, MediaTooComplex
from backend.examination import Examination, Workers, examine_file, start_workers
from backend.faces.detection import load_detector
from backend.faces.yunet import DETECTOR_PATH
from backend.piping import send_found
from backend.silent_openvino import import_openvino

ADDRESS_SPACE = 2 * 1024**3  # bytes beyond those of a worker at rest; tests open 64 megapixels of every kind with it
ARENAS = 4  # in which freed memory is kept: by default each thread reserves address space for one of its own
OPEN_FILES = 128
NO_MEMORY = -4  # cv::Error::StsNoMem
OUT_OF_MEMORY = "The file takes too much memory to decode."
TAKEN = b"taken"  # the first answer to a file

ROOT = Path(__file__).resolve().parent.parent
STATISTICS = Path("/proc/self/statm")

Beginning = tuple[int, sandbox.Sandbox, tuple[Path, ...]]  # threads, what confines them, files that they may read
Task = tuple[Path, Examination, int]  # a file, how closely it is looked at, processor seconds


def work(connection: Connection) -> None:
    """Take the beginning, then tasks; of each send what is found, until the service ends."""
    keep_freed_memory(ARENAS)
    beginning: Beginning = connection.recv()
    threads, confined, files = beginning
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


if __name__ == "__main__":
    with contextlib.suppress(EOFError, ConnectionError):
        work(Connection(int(sys.argv[1])))
