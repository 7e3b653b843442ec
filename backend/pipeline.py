"""The main job: a file in, an Analysis out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from backend.domain import (
    Analysis,
    Calibration,
    Crop,
    ExaminedFrame,
    Frame,
    JudgedFace,
    JudgedFrame,
    PublishedFrame,
    Score,
)
from backend.faces.examining import examine
from backend.faces.tracking import number_tracks
from backend.media.limits import MediaLimits
from backend.media.opening import open_media
from backend.model.holder import LoadedModel
from backend.render.drawing import draw, encode_jpeg
from backend.store.frames import new_frame_name, store_frame
from backend.verdict.anomalies import find_anomalies
from backend.verdict.judging import choose_basis, give_verdict, judge_file, judge_tracks

Item = TypeVar("Item")
Result = TypeVar("Result")

FRAMES_AHEAD = 2  # for each thread of the pool: as many decoded frames of one file may wait, so that memory is bounded


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
            spent = 1000 * (perf_counter() - start)
            with self._lock:
                self.milliseconds[name] = self.milliseconds.get(name, 0.0) + spent


@dataclass(frozen=True)
class Examination:
    """How closely a file is looked at: instants of a video, faces of a frame, and limits of size."""

    least_instants: int
    faces_per_frame: int
    limits: MediaLimits


@dataclass(frozen=True)
class Workers:
    """The threads that find faces, judge and draw, shared by all files, first come, first served."""

    pool: ThreadPoolExecutor
    threads: int


def analyse(
    path: Path, sha256: str, model: LoadedModel, examination: Examination, workers: Workers, stopwatch: Stopwatch
) -> Analysis:
    """Judge a video or a picture: while a frame is decoded, faces are found and judged in those before it.

    Raises:
        UnsupportedType, UnreadableMedia, NoVideoStream, MediaTooComplex: the file is not one that can be judged.
    """
    manifest = model.manifest

    def find_and_score(moment: Sequence[Frame]) -> list[tuple[ExaminedFrame, list[Score]]]:
        with stopwatch.stage("faces"):
            examined = examine(moment, manifest.detector_threshold, examination.faces_per_frame, manifest.crop_margin)
        with stopwatch.stage("network"):
            return [(frame, score_crops([crop for crop in frame.crops if crop.face], model)) for frame in examined]

    with open_media(path, examination.least_instants, examination.limits) as (media, frames):
        moments = in_order(workers, find_and_score, together(timed(frames, stopwatch, "decoding")))
        found = [examined for moment in moments for examined in moment]

    any_face = any(scores for _, scores in found)
    if not any_face:
        with stopwatch.stage("network"):
            found = [(examined, score_crops(examined.crops, model)) for examined, _ in found]

    judged = join_tracks(found, any_face)
    basis = choose_basis(media.kind, any_face)
    calibration = manifest.calibration_of(basis)
    tracks = judge_tracks(judged, calibration)
    fake_probability = judge_file(tracks, calibration)
    return Analysis(
        media=media,
        sha256=sha256,
        frames=judged,
        tracks=tracks,
        anomalies=find_anomalies(judged, tracks, basis, calibration),
        basis=basis,
        fake_probability=fake_probability,
        verdict=give_verdict(fake_probability, basis, manifest.inconclusive_band(basis)),
    )


def score_crops(crops: Sequence[Crop], model: LoadedModel) -> list[Score]:
    """Score crops, which may be none."""
    return model.score(np.stack([crop.pixels for crop in crops])) if crops else []


def join_tracks(found: Sequence[tuple[ExaminedFrame, list[Score]]], any_face: bool) -> tuple[JudgedFrame, ...]:
    """Number the tracks of all scored crops; whole frames are tracked where there is no face at all."""
    crops = [[crop for crop in examined.crops if crop.face or not any_face] for examined, _ in found]
    numbers = number_tracks([[crop.face.box if crop.face else crop.region for crop in frame] for frame in crops])
    return tuple(
        JudgedFrame(examined, tuple(map(JudgedFace, frame, scores, numbered)))
        for (examined, scores), frame, numbered in zip(found, crops, numbers, strict=True)
    )


def publish(analysis: Analysis, calibration: Calibration, folder: Path, workers: Workers) -> list[PublishedFrame]:
    """Draw the frame of every instant and store it, with and without the drawing; names in time order."""

    def publish_frame(frame: JudgedFrame) -> PublishedFrame:
        names = PublishedFrame(annotated=new_frame_name(), plain=new_frame_name())
        store_frame(folder, names.annotated, encode_jpeg(draw(frame, calibration)))
        store_frame(folder, names.plain, encode_jpeg(frame.frame.pixels))
        return names

    return list(in_order(workers, publish_frame, (frame for frame in analysis.frames if not frame.frame.follows)))


def in_order(workers: Workers, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Work on items in the pool while later ones are still being made; results in the order of the items."""
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(workers.pool.submit(work, item))
            if len(pending) > FRAMES_AHEAD * workers.threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def together(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Frames with the companions that follow them."""
    moment: list[Frame] = []
    for frame in frames:
        if moment and not frame.follows:
            yield moment
            moment = []
        moment.append(frame)
    if moment:
        yield moment


def timed(items: Iterator[Item], stopwatch: Stopwatch, stage: str) -> Iterator[Item]:
    """The same items; the time that making them takes counts towards a stage."""
    while True:
        with stopwatch.stage(stage):
            item = next(items, None)
        if item is None:
            return
        yield item
