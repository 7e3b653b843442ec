"""The main job: a file in, an Analysis out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from backend.domain import Analysis, Calibration, ExaminedFrame, JudgedFace, JudgedFrame, PublishedFrame
from backend.faces.examining import examine
from backend.faces.tracking import number_tracks
from backend.media.limits import MediaLimits
from backend.media.opening import open_media
from backend.model.holder import LoadedModel
from backend.render.drawing import draw, encode_jpeg
from backend.store.frames import new_frame_name, store_frame
from backend.verdict.anomalies import find_anomalies
from backend.verdict.judging import choose_basis, give_verdict, judge_file, judge_tracks


@dataclass(frozen=True)
class Stopwatch:
    """Milliseconds spent in each named stage, added up."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the block towards a stage."""
        start = perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = self.milliseconds.get(name, 0.0) + 1000 * (perf_counter() - start)


@dataclass(frozen=True)
class Examination:
    """How closely a file is looked at: instants of a video, faces of a frame, and limits of size."""

    least_instants: int
    faces_per_frame: int
    limits: MediaLimits


def analyse(path: Path, sha256: str, model: LoadedModel, examination: Examination, stopwatch: Stopwatch) -> Analysis:
    """Judge a video or a picture.

    Raises:
        UnsupportedType, UnreadableMedia, NoVideoStream, MediaTooComplex: the file is not one that can be judged.
    """
    manifest = model.manifest
    examined: list[ExaminedFrame] = []
    with open_media(path, examination.least_instants, examination.limits) as (media, frames):
        while True:
            with stopwatch.stage("decoding"):
                frame = next(frames, None)
            if frame is None:
                break
            with stopwatch.stage("faces"):
                examined.append(
                    examine(frame, manifest.detector_threshold, examination.faces_per_frame, manifest.crop_margin)
                )

    any_face = any(crop.face for frame in examined for crop in frame.crops)
    with stopwatch.stage("network"):
        judged = score_faces(examined, any_face, model)

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
        timing_ms=stopwatch.milliseconds,
    )


def score_faces(examined: Sequence[ExaminedFrame], any_face: bool, model: LoadedModel) -> tuple[JudgedFrame, ...]:
    """Score all faces of a file and number their tracks; whole frames only where there is no face at all."""
    crops = [[crop for crop in frame.crops if crop.face or not any_face] for frame in examined]
    scores = iter(model.score(np.stack([crop.pixels for frame in crops for crop in frame])))
    numbers = number_tracks([[crop.face.box if crop.face else crop.region for crop in frame] for frame in crops])
    return tuple(
        JudgedFrame(
            frame,
            tuple(JudgedFace(crop, next(scores), number) for crop, number in zip(cut, numbered, strict=True)),
        )
        for frame, cut, numbered in zip(examined, crops, numbers, strict=True)
    )


def publish(analysis: Analysis, calibration: Calibration, folder: Path) -> list[PublishedFrame]:
    """Draw the frame of every instant and store it, with and without the drawing; names in time order."""
    published = []
    for frame in analysis.frames:
        if frame.frame.follows:
            continue
        names = PublishedFrame(annotated=new_frame_name(), plain=new_frame_name())
        store_frame(folder, names.annotated, encode_jpeg(draw(frame, calibration)))
        store_frame(folder, names.plain, encode_jpeg(frame.frame.pixels))
        published.append(names)
    return published
