"""Files held back, judged and measured as the service does it, with what was tried beside that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import log2
from statistics import mean

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from backend.domain import (
    CROP_SIDE,
    Basis,
    Calibration,
    Crop,
    ExaminedFrame,
    JudgedFace,
    JudgedFrame,
    Media,
    Pixels,
    Track,
)
from backend.errors import DetectorError
from backend.examination import together
from backend.faces.examining import examine
from backend.media.opening import open_media
from backend.model.holder import LoadedModel
from backend.model.manifest import Manifest
from backend.model.views import score_in_views
from backend.pipeline import join_tracks, score_crops
from backend.verdict.evidence import cells_of, landmarks_in, places_of
from backend.verdict.judging import choose_basis, close_pairs, judge_file, judge_tracks
from backend.verdict.measures import measure
from training.dataset import Sample
from training.judging import FACES_PER_FRAME, INSTANTS, LIMITS
from training.robustness import compress

READERS = 4  # threads
RESCALED_SIDE = 112  # pixels: half the network's input
SECOND_QUALITY = 50  # of JPEG
MIDDLE = slice(CROP_SIDE // 5, -CROP_SIDE // 5)  # of a crop, in which there is hardly anything but the face
LEAST_CHANGE = 0.1  # levels

BELOW = frozenset({"small_face", "dark_face", "blurred_face", "heavy_compression", "few_sightings"})  # told if low


@dataclass(frozen=True, eq=False)
class MeasuredFile:
    """A file with its verdict and every value that was measured of it: of several faces the most extreme one's.

    `crops` are those of the instants of the track that the verdict follows, `logits` the network's of each.
    """

    sample: Sample
    basis: Basis
    fake_probability: float
    bits_per_pixel: float
    values: dict[str, float]
    crops: tuple[Pixels, ...]
    logits: tuple[float, ...]

    @property
    def wrong(self) -> bool:
        """Whether its call is."""
        return (self.fake_probability >= 0.5) != self.sample.fake


def measure_files(samples: Sequence[Sample], model: LoadedModel, text: str) -> list[MeasuredFile]:
    """Measure files, with a progress bar; those without a face, and those that the service refuses, are left out."""
    with ThreadPoolExecutor(READERS) as pool:
        found = tqdm(pool.map(lambda one: _measure_file(one, model), samples), text, len(samples), unit=" files")
        return [file for file in found if file is not None]


def _measure_file(sample: Sample, model: LoadedModel) -> MeasuredFile | None:
    try:
        media, examined = _look(sample, model.manifest)
    except DetectorError:
        return None
    scored = [
        (frame, score_crops([crop for crop in frame.crops if crop.face], model, media.kind)) for frame in examined
    ]
    if not any(scores for _, scores in scored):
        return None
    frames = join_tracks(scored, any_face=True)
    basis = choose_basis(media.kind, any_face=True)
    calibration = model.manifest.calibration_of(basis)
    tracks = judge_tracks(frames, calibration)
    chosen = max((track for track in tracks if track.judged), key=lambda track: track.fake_probability)
    values: dict[str, float] = {}
    for one in measure(frames, tracks, media, basis, calibration):
        extreme = min if one.code in BELOW else max
        values[one.code] = extreme(one.value, values.get(one.code, one.value))
    sightings = [face for frame in frames if not frame.frame.follows for face in frame.faces]
    of_track = [face for face in sightings if face.track == chosen.number]
    crops = tuple(face.crop.pixels for face in of_track)
    values |= _tried_beside(frames, chosen, crops, model, calibration)
    return MeasuredFile(
        sample=sample,
        basis=basis,
        fake_probability=judge_file(tracks, calibration),
        bits_per_pixel=media.bits_per_pixel,
        values=values,
        crops=crops,
        logits=tuple(face.score.logit for face in of_track),
    )


def _look(sample: Sample, manifest: Manifest) -> tuple[Media, list[ExaminedFrame]]:
    with open_media(sample.path, INSTANTS, LIMITS) as (media, frames):
        panels = (replace(frame, pixels=sample.of_panel(frame.pixels)) for frame in frames)
        return media, [
            replace(one, pixels=one.pixels[:1, :1])  # drawing needs them, measuring does not
            for place, moment in together(panels)
            for one in examine(moment, manifest.detector_threshold, FACES_PER_FRAME, manifest.crop_margin, place=place)
        ]


def _tried_beside(
    frames: Sequence[JudgedFrame], track: Track, crops: Sequence[Pixels], model: LoadedModel, calibration: Calibration
) -> dict[str, float]:
    """What the service does not measure, for what it costs or because it tells too little."""
    values = {}
    outlines = [lead for frame in frames for face in frame.faces if (lead := lead_of_outline(face)) is not None]
    if outlines and track.fake_probability >= 0.5:
        values["outline_region"] = mean(outlines)
    if len(crops) == 1:
        for code, changed in (
            ("unstable_rescaled", rescaled(crops[0], RESCALED_SIDE)),
            ("unstable_recompressed", compress(crops[0], SECOND_QUALITY)),
        ):
            (again,) = score_in_views(changed[None], model)
            values[code] = abs(calibration.fake_probability(again.logit) - track.fake_probability)
    changes = list(_changes(frames, track.number))
    if changes:
        values["appearance_flicker"] = mean(changes)
    return values


def _changes(frames: Sequence[JudgedFrame], number: int) -> Iterator[float]:
    """How much more the middle of a crop changes within CLOSE than its margin, motion made good, as log2."""
    for before, after in close_pairs(frames):
        if before.track == number:
            yield _change_beyond_motion(before.crop.pixels, after.crop.pixels)


def _change_beyond_motion(before: Pixels, after: Pixels) -> float:
    first, second = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (before, after))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(first, second, None)  # type: ignore[attr-defined]
    rows, columns = np.mgrid[: len(first), : len(first)].astype(np.float32)
    moved = cv2.remap(second, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
    change = np.abs(first.astype(np.float32) - moved)
    inner = change[MIDDLE, MIDDLE]
    outer = (change.sum() - inner.sum()) / (change.size - inner.size)
    return log2((float(inner.mean()) + LEAST_CHANGE) / (float(outer) + LEAST_CHANGE))


def lead_of_outline(face: JudgedFace) -> float | None:
    """By how much the map is higher at the outline of a face than around eyes and mouth; None without either."""
    logit_map = face.score.logit_map
    if logit_map is None or face.crop.face is None:
        return None
    eyes, mouth = cells_of(face.crop, len(logit_map))
    outline = outline_of(face.crop, len(logit_map))
    if not (eyes.any() and mouth.any() and outline.any()):
        return None
    return float(logit_map[outline].mean() - max(logit_map[eyes].mean(), logit_map[mouth].mean()))


def outline_of(crop: Crop, side: int) -> NDArray[np.bool_]:
    """Which cells of a (side, side) map are farther from the middle of a face than its eyes are from each other."""
    right_eye, left_eye, _, *corners = landmarks_in(crop)
    middle = np.mean([right_eye, left_eye, *corners], axis=0)
    distances = np.linalg.norm(places_of(side) - middle, axis=-1)
    return np.asarray(distances > np.linalg.norm(left_eye - right_eye), bool)


def rescaled(crop: Pixels, side: int) -> Pixels:
    """A crop as if its face were small."""
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)
