"""From a file to its faces: the part of the work that touches what strangers sent, and nothing else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from backend.domain import CLOSE, ExaminedFrame, Frame, Media
from backend.faces.examining import examine
from backend.media.limits import MediaLimits
from backend.media.opening import open_media

Item = TypeVar("Item")
Result = TypeVar("Result")

Examined = Media | list[ExaminedFrame] | dict[str, float]  # what the file is; a moment; milliseconds by stage

MOST_TOGETHER = 1 << 25  # bytes of decoded frames in which it is; the larger go one by one, for memory's sake
ITEMS_AHEAD = 2  # for each thread: as many moments of a file may wait for it, so that memory is bounded


@dataclass(frozen=True)
class Examination:
    """How closely a file is looked at.

    Instants of a short video; faces of a frame; limits of size; the detector's score threshold; side of a crop as a
    multiple of the longer side of a face's box.
    """

    least_instants: int
    faces_per_frame: int
    limits: MediaLimits
    detector_threshold: float
    crop_margin: float


class Stopwatch:
    """Milliseconds spent in each named stage, added up over all threads that work on a file."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the block towards a stage."""
        start = perf_counter()
        try:
            yield
        finally:
            self.add({name: 1000 * (perf_counter() - start)})

    def add(self, milliseconds: dict[str, float]) -> None:
        """Count what was measured elsewhere."""
        with self._lock:
            for name, spent in milliseconds.items():
                self.milliseconds[name] = self.milliseconds.get(name, 0.0) + spent


@dataclass(frozen=True)
class Workers:
    """Threads that are shared by all files, first come, first served."""

    pool: ThreadPoolExecutor
    threads: int


def start_workers(threads: int) -> Workers:
    """As many threads as there are cores to keep busy."""
    return Workers(ThreadPoolExecutor(threads), threads)


def examine_file(path: Path, examination: Examination, workers: Workers) -> Generator[Examined, None, None]:
    """Look at a file: what it is, then moment by moment its faces, at last the milliseconds that each stage took.

    While a frame is decoded, faces are searched in those before it.

    Raises:
        UnsupportedType, UnreadableMedia, NoVideoStream, MediaTooComplex: the file is not one that can be judged.
    """
    stopwatch = Stopwatch()

    def find_faces(numbered: tuple[int, list[Frame]]) -> list[ExaminedFrame]:
        place, moment = numbered
        with stopwatch.stage("faces"):
            return examine(
                moment,
                examination.detector_threshold,
                examination.faces_per_frame,
                examination.crop_margin,
                place=place,
            )

    with ExitStack() as opened:
        with stopwatch.stage("decoding"):  # of a picture it is done here
            media, frames = opened.enter_context(open_media(path, examination.least_instants, examination.limits))
        yield media
        yield from in_order(workers, find_faces, together(timed(frames, stopwatch, "decoding")))
    yield stopwatch.milliseconds


def in_order(workers: Workers, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Work on items in threads while later ones are still being made; results in the order of the items.

    When it ends, however it does, no thread works on any of them any more.
    """
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(workers.pool.submit(work, item))
            while pending and (pending[0].done() or len(pending) > ITEMS_AHEAD * workers.threads):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        wait([future for future in pending if not future.cancel()])


def together(frames: Iterable[Frame]) -> Iterator[tuple[int, list[Frame]]]:
    """Frames with their companions and those that come soon after them; before each, how many instants were before."""
    place = 0
    moment: list[Frame] = []
    for frame in frames:
        if moment and not (frame.follows or _joins(moment, frame)):
            yield place, moment
            place += sum(not one.follows for one in moment)
            moment = []
        moment.append(frame)
    if moment:
        yield place, moment


def _joins(moment: list[Frame], frame: Frame) -> bool:
    first = moment[0]
    close = 0 <= frame.time - first.time <= CLOSE  # times of a damaged file may go back
    alike = frame.pixels.shape == first.pixels.shape
    return close and alike and (len(moment) + 1) * frame.pixels.nbytes <= MOST_TOGETHER


def timed(items: Iterator[Item], stopwatch: Stopwatch, stage: str) -> Iterator[Item]:
    """The same items; the time that making them takes counts towards a stage."""
    while True:
        with stopwatch.stage(stage):
            item = next(items, None)
        if item is None:
            return
        yield item
