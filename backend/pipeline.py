"""The main job: a file in, an Analysis out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from backend.domain import (
    Analysis,
    Calibration,
    Crop,
    ExaminedFrame,
    JudgedFace,
    JudgedFrame,
    Media,
    MediaKind,
    PublishedFrame,
    Score,
)
from backend.examination import Examination, Examined, Stopwatch, Workers, in_order
from backend.faces.tracking import number_tracks
from backend.media.instants import expected_instants
from backend.model.holder import LoadedModel
from backend.model.views import VIEWS, View, score_in_views
from backend.progress import Progress
from backend.render.drawing import draw, encode_jpeg
from backend.store.frames import Frames
from backend.verdict.anomalies import find_anomalies
from backend.verdict.bounds import bounds_for
from backend.verdict.judging import choose_basis, give_verdict, judge_file, judge_tracks

Examiner = Callable[[Path, Examination], Generator[Examined, None, None]]


def analyse(
    path: Path,
    sha256: str,
    model: LoadedModel,
    examine: Examiner,
    examination: Examination,
    workers: Workers,
    stopwatch: Stopwatch,
    progress: Progress,
) -> Analysis:
    """Judge a video or a picture: while a frame is examined, the faces of those before it are scored.

    Raises:
        Cancelled: nobody wants it any more.
        UnsupportedType, UnreadableMedia, NoVideoStream, MediaTooComplex: the file is not one that can be judged.
    """

    def score_moment(moment: list[ExaminedFrame]) -> list[tuple[ExaminedFrame, list[Score]]]:
        with stopwatch.stage("network"):
            scored = [
                (frame, score_crops([crop for crop in frame.crops if crop.face], model, media.kind)) for frame in moment
            ]
        for frame in moment:
            if not frame.follows:
                progress.count_instant()
        return scored

    with closing(examine(path, examination)) as examined:
        media, moments = receive(examined, stopwatch, progress)
        progress.instants_expected = expected_instants(media, examination.least_instants)
        found = [scored for moment in in_order(workers, score_moment, moments) for scored in moment]

    any_face = any(scores for _, scores in found)
    if not any_face:
        with stopwatch.stage("network"):
            found = [(examined, score_crops(examined.crops, model, media.kind)) for examined, _ in found]

    manifest = model.manifest
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
        anomalies=find_anomalies(judged, tracks, media, basis, calibration, bounds_for(basis, manifest.sha256)),
        basis=basis,
        fake_probability=fake_probability,
        verdict=give_verdict(fake_probability, basis, manifest.inconclusive_band(basis)),
    )


def receive(
    examined: Iterator[Examined], stopwatch: Stopwatch, progress: Progress
) -> tuple[Media, Iterator[list[ExaminedFrame]]]:
    """Part what an examination gives: what the file is, and its moments, to be taken as they come until cancelled."""
    media = next(examined)
    assert isinstance(media, Media)  # noqa: S101  # for the type checker

    def moments() -> Iterator[list[ExaminedFrame]]:
        for item in examined:
            progress.check()
            if isinstance(item, list):
                yield item
            elif isinstance(item, dict):
                stopwatch.add(item)

    return media, moments()


def score_crops(
    crops: Sequence[Crop], model: LoadedModel, kind: MediaKind, views: Sequence[View] = VIEWS
) -> list[Score]:
    """Score crops, which may be none: those of a picture in several views, those of a video as they are."""
    if not crops:
        return []
    pixels = np.stack([crop.pixels for crop in crops])
    return score_in_views(pixels, model, views) if kind == "picture" else model.score(pixels)


def join_tracks(found: Sequence[tuple[ExaminedFrame, list[Score]]], any_face: bool) -> tuple[JudgedFrame, ...]:
    """Number the tracks of all scored crops; whole frames are tracked where there is no face at all."""
    crops = [[crop for crop in examined.crops if crop.face or not any_face] for examined, _ in found]
    numbers = number_tracks([[crop.face.box if crop.face else crop.region for crop in frame] for frame in crops])
    return tuple(
        JudgedFrame(examined, tuple(map(JudgedFace, frame, scores, numbered)))
        for (examined, scores), frame, numbered in zip(found, crops, numbers, strict=True)
    )


def publish(
    analysis: Analysis,
    calibration: Calibration,
    frames: Frames,
    names: Iterator[str],
    workers: Workers,
    progress: Progress,
) -> list[PublishedFrame]:
    """Draw the frame of every instant and store it, with and without the drawing, under names taken in time order.

    Raises:
        Cancelled: nobody wants them any more; like after any failure, some may be stored.
        StorageFailed: they cannot be written.
    """
    instants = [frame for frame in analysis.frames if not frame.frame.follows]
    published = [PublishedFrame(annotated=next(names), plain=next(names)) for _ in instants]
    progress.files = tuple(name for pair in published for name in (pair.annotated, pair.plain))

    def publish_frame(pair: tuple[JudgedFrame, PublishedFrame]) -> None:
        frame, named = pair
        progress.check()
        frames.store(named.annotated, encode_jpeg(draw(frame, calibration)))
        frames.store(named.plain, encode_jpeg(frame.frame.pixels))

    list(in_order(workers, publish_frame, zip(instants, published, strict=True)))
    return published
