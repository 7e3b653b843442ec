"""Fakes made worse, step by step: at which step they are missed, and what is measured of them there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
from tqdm import tqdm

from backend.domain import Basis, Pixels
from backend.faces.measuring import brightness_and_sharpness
from backend.model.holder import LoadedModel
from backend.model.manifest import Rate
from backend.model.views import score_in_views
from training.dataset import Sample, read_picture
from training.measured import MeasuredFile, measure_files, rescaled
from training.metrics import Judged, rate
from training.robustness import WRITERS, reencode

SIDES = (96, 64, 48, 32)  # pixels of a face
BLURS = (1.0, 1.5, 2.0, 3.0, 4.0)  # pixels of the crop, standard deviation
LIGHTS = (0.7, 0.5, 0.35, 0.2)  # of the levels
SHARES = (0.5, 0.25, 0.125)  # of the instants at which a face was seen
STRENGTHS: dict[Basis, tuple[int, ...]] = {
    "face_picture": (40, 25, 15),  # quality of JPEG
    "face_video": (28, 34, 40),  # constant rate factor of H.264
}


@dataclass(frozen=True)
class Step:
    """What is measured of fakes that were made worse, the median, and the share of them that are found no more."""

    bound: float
    lost: Rate


def spoil(fakes: Sequence[MeasuredFile], basis: Basis, model: LoadedModel) -> dict[str, list[Step]]:
    """The steps of each way in which fakes of a basis are made worse, by the code that should tell of it."""
    spoiler = _Spoiler(fakes, basis, model)
    steps = {
        "small_face": [spoiler.with_crops(partial(rescaled, side=side), side) for side in SIDES],
        "blurred_face": [spoiler.with_crops(partial(_blurred, blur=blur), _sharpness) for blur in BLURS],
        "dark_face": [spoiler.with_crops(partial(_darkened, light=light), _brightness) for light in LIGHTS],
        "heavy_compression": [spoiler.compressed(strength) for strength in STRENGTHS[basis]],
    }
    if basis == "face_video":
        steps["few_sightings"] = [spoiler.seen_at(share) for share in SHARES]
    return steps


class _Spoiler:
    """Fakes of one basis, to be made worse."""

    def __init__(self, fakes: Sequence[MeasuredFile], basis: Basis, model: LoadedModel) -> None:
        self._fakes = fakes
        self._basis = basis
        self._model = model
        self._calibration = model.manifest.calibration_of(basis)

    def with_crops(self, change: Callable[[Pixels], Pixels], measured: float | Callable[[Pixels], float]) -> Step:
        """Every crop changed; what is measured then is known, or measured of each."""

        def logit(file: MeasuredFile) -> float:
            crops = np.stack([change(crop) for crop in file.crops])
            in_views = self._basis == "face_picture"
            scores = score_in_views(crops, self._model) if in_views else self._model.score(crops)
            return mean(score.logit for score in scores)

        with ThreadPoolExecutor(WRITERS) as pool:
            logits = list(tqdm(pool.map(logit, self._fakes), f"{self._basis}: crops changed", len(self._fakes)))
        if callable(measured):
            measured = median(measured(change(crop)) for file in self._fakes for crop in file.crops)
        return Step(measured, self._lost(logits))

    def seen_at(self, share: float) -> Step:
        """A face seen at the first of its instants alone."""
        return Step(
            share, self._lost([mean(one.logits[: max(1, round(share * len(one.logits)))]) for one in self._fakes])
        )

    def compressed(self, strength: int) -> Step:
        """Whole files encoded anew, and judged as any other."""
        encode = _encode_picture if self._basis == "face_picture" else _encode_clip
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WRITERS) as pool:
            targets = [Path(folder) / str(number) for number in range(len(self._fakes))]
            samples = [file.sample for file in self._fakes]
            encoded = list(pool.map(partial(encode, strength=strength), samples, targets))
            after = measure_files(encoded, self._model, f"{self._basis}: compressed at {strength}")
        before = [self._fakes[int(file.sample.path.stem)] for file in after]
        lost = loss(before, [file.fake_probability >= 0.5 for file in after])
        return Step(median(file.bits_per_pixel for file in after), lost)

    def _lost(self, logits: Sequence[float]) -> Rate:
        return loss(self._fakes, [self._calibration.fake_probability(logit) >= 0.5 for logit in logits])


def loss(fakes: Sequence[MeasuredFile], found_still: Sequence[bool]) -> Rate:
    """The share of fakes that were found and are no more, less those that are found only now; with its interval."""
    found = np.array([file.fake_probability >= 0.5 for file in fakes], np.float64)
    groups = np.array([file.sample.group for file in fakes], str)
    fell = Judged(found - np.array(found_still, np.float64), np.ones(len(found), bool), groups, groups)
    return rate(fell, lambda some: float(some.logits.mean()))


def _encode_picture(sample: Sample, target: Path, strength: int) -> Sample:
    path = target.with_suffix(".jpg")
    pixels = cv2.cvtColor(read_picture(sample.path), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, strength])
    return replace(sample, path=path)


def _encode_clip(sample: Sample, target: Path, strength: int) -> Sample:
    return reencode(sample, target.with_suffix(".mp4"), crf=strength, scale=1.0)


def _blurred(crop: Pixels, blur: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), blur), np.uint8)


def _darkened(crop: Pixels, light: float) -> Pixels:
    return (crop * light).astype(np.uint8)


def _sharpness(crop: Pixels) -> float:
    return brightness_and_sharpness(crop)[1]


def _brightness(crop: Pixels) -> float:
    return brightness_and_sharpness(crop)[0]
