"""Files held back, judged by an exported model through the service's own detector, cropper and scoring."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from backend.config import ROOT
from backend.domain import Basis, Calibration, Crop, ExaminedFrame, JudgedFrame, MediaKind
from backend.errors import DetectorError
from backend.examination import together
from backend.faces.examining import examine
from backend.media.limits import MediaLimits
from backend.media.opening import open_media
from backend.model.conversion import converted_folder
from backend.model.holder import LoadedModel, load_checked
from backend.model.manifest import Manifest
from backend.model.openvino_classifier import OpenVinoClassifier
from backend.model.views import VIEWS, View
from backend.pipeline import join_tracks, score_crops
from backend.verdict.aggregation import file_logit
from backend.verdict.judging import choose_basis, judge_tracks
from training.dataset import Sample
from training.metrics import Judged

INSTANTS = 16
FACES_PER_FRAME = 8
LIMITS = MediaLimits(pixels=64_000_000, side=16_384)
STREAMS = 2  # of the network
TOGETHER = 128  # files whose crops are scored in one go
READERS = 4  # threads
ANY_CALIBRATION = Calibration(scale=1.0, threshold=0.0)  # logits are wanted, not probabilities


@dataclass(frozen=True)
class JudgedFile:
    """One file's logit, as the service aggregates it, with what is known of the file; `name` is without its suffix."""

    name: str
    source: str
    method: str
    group: str
    fake: bool
    basis: Basis
    logit: float


def served_classifier(path: Path) -> OpenVinoClassifier:
    """A model file on the runtime that serves it, in full precision."""
    return OpenVinoClassifier(converted_folder(path, 1, ROOT / ".cache"), 1, reduced_precision=False, streams=STREAMS)


def load_as_served(path: Path) -> LoadedModel:
    """The exported model on that runtime, checked as the service checks it."""
    return load_checked(path, lambda: served_classifier(path))


def judge_samples(samples: Sequence[Sample], model: LoadedModel) -> list[JudgedFile]:
    """Judge files, with a progress bar; those that the service would refuse are left out."""
    judged: list[JudgedFile] = []
    with tqdm(total=len(samples), unit=" files") as progress:
        for at in range(0, len(samples), TOGETHER):
            some = samples[at : at + TOGETHER]
            judged += judge_examined(some, examine_samples(some, model.manifest), model)
            progress.update(len(some))
    return judged


def examine_samples(samples: Sequence[Sample], manifest: Manifest) -> list[list[ExaminedFrame]]:
    """Look at files as the service does: for each its frames, or none where the service would refuse it."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda sample: _examine(sample, manifest), samples))


def as_judged(files: Sequence[JudgedFile], kin: dict[str, str]) -> Judged:
    """Columns for the metrics; sources that `kin` names are called by the name of their kin."""
    return Judged(
        logits=np.array([file.logit for file in files], np.float64),
        fake=np.array([file.fake for file in files], bool),
        sources=np.array([kin.get(file.source, file.source) for file in files], str),
        groups=np.array([file.group for file in files], str),
    )


def write_judged(files: Sequence[JudgedFile], path: Path) -> None:
    """Write judged files as a table."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, [field.name for field in fields(JudgedFile)])
        table.writeheader()
        table.writerows(asdict(file) for file in files)


def judge_examined(
    samples: Sequence[Sample],
    examined: Sequence[list[ExaminedFrame]],
    model: LoadedModel,
    views: Sequence[View] = VIEWS,
) -> list[JudgedFile]:
    """Score the crops of many files together, and aggregate them file by file."""
    judged = []
    for sample, frames, basis in score_examined(samples, examined, model, views):
        tracks = judge_tracks(frames, ANY_CALIBRATION)
        logit = file_logit([track.logit for track in tracks if track.judged])
        judged.append(
            JudgedFile(sample.path.stem, sample.source, sample.method, sample.group, sample.fake, basis, logit)
        )
    return judged


def score_examined(
    samples: Sequence[Sample],
    examined: Sequence[list[ExaminedFrame]],
    model: LoadedModel,
    views: Sequence[View] = VIEWS,
) -> Iterator[tuple[Sample, tuple[JudgedFrame, ...], Basis]]:
    """Score the crops of many files together; gives each file that has frames with its tracks."""
    crops: list[list[list[Crop]]] = []
    for frames in examined:
        any_face = any(crop.face for frame in frames for crop in frame.crops)
        crops.append([[crop for crop in frame.crops if crop.face or not any_face] for frame in frames])
    kinds: list[MediaKind] = ["video" if sample.is_clip else "picture" for sample in samples]
    of_kind: dict[MediaKind, list[Crop]] = {"video": [], "picture": []}
    for kind, cut in zip(kinds, crops, strict=True):
        of_kind[kind] += [crop for frame in cut for crop in frame]
    scores = {kind: iter(score_crops(some, model, kind, views)) for kind, some in of_kind.items()}
    for sample, kind, frames, cut in zip(samples, kinds, examined, crops, strict=True):
        if not frames:
            continue
        any_face = any(crop.face for frame in cut for crop in frame)
        found = [(frame, [next(scores[kind]) for _ in faces]) for frame, faces in zip(frames, cut, strict=True)]
        yield sample, join_tracks(found, any_face), choose_basis(kind, any_face)


def _examine(sample: Sample, manifest: Manifest) -> list[ExaminedFrame]:
    try:
        with open_media(sample.path, INSTANTS, LIMITS) as (_, frames):
            panels = (replace(frame, pixels=sample.of_panel(frame.pixels)) for frame in frames)
            return [
                replace(examined, pixels=examined.pixels[:1, :1])  # drawing needs them, measuring does not
                for _, moment in together(panels)
                for examined in examine(moment, manifest.detector_threshold, FACES_PER_FRAME, manifest.crop_margin)
            ]
    except DetectorError:
        return []
