"""Candidates for anomalies, each put to the proof that fits what it claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.domain import Basis
from backend.model.manifest import Rate
from training.measured import BELOW, MeasuredFile
from training.metrics import Judged, area, rate
from training.regions import Kinds, lead
from training.spoiling import Step

MOST_FALSE_ALARMS = 0.05  # of genuine files, where a threshold is chosen
LEAST_LOSS = 0.05  # of fakes, that must be missed beyond those before, until a bad input is warned of
TAIL = 0.025  # on each side of an interval of 95 %
DIGITS = 2  # of thresholds

Role = Literal["evidence", "warning", "hard", "input", "several faces", "region"]


@dataclass(frozen=True)
class Candidate:
    """A measurement that an anomaly may be made of.

    Its role says how it must prove itself. Its threshold is chosen unless one is given; `otherwise` is the value of a
    file in which there is nothing to measure. What is not `served` is tried alone: the service does not measure it.
    """

    code: str
    basis: Basis
    role: Role
    threshold: float | None = None
    otherwise: float | None = None
    served: bool = True

    @property
    def below(self) -> bool:
        """Whether low values are told."""
        return self.code in BELOW

    def value_of(self, file: MeasuredFile) -> float | None:
        """What was measured of a file."""
        return file.values.get(self.code, self.otherwise)


@dataclass(frozen=True)
class Tried:
    """What became of a candidate.

    `told_of_real` and `told_of_fake` are the shares of files that pass the threshold; `proof` says in words what
    `figure` is, which decided.
    """

    code: str
    basis: Basis
    threshold: float
    below: bool
    told_of_real: Rate
    told_of_fake: Rate
    proof: str
    figure: Rate
    kept: bool


def try_evidence(candidate: Candidate, files: Sequence[MeasuredFile]) -> Tried:
    """Tells it fake from real: is the area under its curve above one half?"""
    files = [file for file in files if candidate.value_of(file) is not None]
    threshold = _threshold(candidate, files)
    figure = rate(judged([candidate.value_of(file) or 0.0 for file in files], files), area)
    return _tried(candidate, threshold, files, "AUC against genuine files", figure, figure.low > 0.5)


def try_warning(candidate: Candidate, files: Sequence[MeasuredFile]) -> Tried:
    """Warns it of wrong verdicts: is the area under its curve for them above one half?"""
    files = [file for file in files if candidate.value_of(file) is not None]
    threshold = _threshold(candidate, files)
    values = judged([candidate.value_of(file) or 0.0 for file in files], files)
    figure = rate(replace(values, fake=np.array([file.wrong for file in files])), area)
    told, elsewhere = wrong_by_told(candidate, threshold, files)
    proof = f"AUC for wrong verdicts ({told:.0%} wrong where told, {elsewhere:.0%} elsewhere)"
    return _tried(candidate, threshold, files, proof, figure, figure.low > 0.5)


def try_hard(candidate: Candidate, files: Sequence[MeasuredFile]) -> Tried:
    """Are fakes missed more often where it is told than elsewhere?"""
    fakes = [file for file in files if file.sample.fake and candidate.value_of(file) is not None]
    threshold = _threshold(candidate, files)
    missed = judged([float(file.wrong) for file in fakes], fakes)
    where_told = replace(missed, fake=np.array([is_told(candidate, threshold, file) for file in fakes]))
    figure = rate(where_told, lambda some: mean_of(some.where(some.fake)) - mean_of(some.where(~some.fake)))
    told, elsewhere = wrong_by_told(candidate, threshold, fakes)
    proof = f"share of fakes missed where told ({told:.0%}) less that elsewhere ({elsewhere:.0%})"
    return _tried(candidate, threshold, files, proof, figure, figure.low > 0)


def try_input(candidate: Candidate, files: Sequence[MeasuredFile], steps: Sequence[Step]) -> Tried:
    """Are fakes missed when files are made worse? The threshold is the value at the first step where they are."""
    telling = [step for step in steps if step.lost.value >= LEAST_LOSS and step.lost.low > 0]
    step = telling[0] if telling else steps[-1]
    proof = "share of fakes missed, beyond those before, when files are made so"
    return _tried(candidate, rounded(step.bound), files, proof, step.lost, bool(telling))


def try_region(candidate: Candidate, files: Sequence[MeasuredFile], named: Kinds) -> Tried:
    """Lies the region that is named inside the true mask more often than the other, however the fakes were made?"""
    leads = [lead(faces) for faces in named.values()]
    everyone = lead([face for faces in named.values() for face in faces])
    assert candidate.threshold is not None
    proof = "true masks that hold the region named, beyond those that hold the other"
    return _tried(candidate, candidate.threshold, files, proof, everyone, all(one.low > 0 for one in leads))


def try_several_faces(candidate: Candidate, files: Sequence[MeasuredFile]) -> Tried:
    """Is it told of a fake beside a genuine face more often than of two genuine ones?

    Few files have several faces: each is put beside every genuine one of other groups, and the shares are of those.
    """
    assert candidate.threshold is not None
    reals = [file for file in files if not file.sample.fake]
    shares = []
    for file in files:
        others = [real.fake_probability for real in reals if real.sample.group != file.sample.group]
        shares.append(float(np.mean(np.abs(np.array(others) - file.fake_probability) >= candidate.threshold)))
    told = judged(shares, files)
    figure = rate(told, lambda some: mean_of(some.where(some.fake)) - mean_of(some.where(~some.fake)))
    proof = "told of a fake beside a genuine face, beyond two genuine ones"
    return _row(candidate, candidate.threshold, told, proof, figure, figure.low > 0)


def is_told(candidate: Candidate, threshold: float, file: MeasuredFile) -> bool:
    """Whether a file's value passes a threshold."""
    value = candidate.value_of(file)
    if value is None:
        return False
    return value < threshold if candidate.below else value >= threshold


def wrong_by_told(candidate: Candidate, threshold: float, files: Sequence[MeasuredFile]) -> tuple[float, float]:
    """The share of wrong verdicts where it is told, and elsewhere."""
    wrong = np.array([file.wrong for file in files])
    told = np.array([is_told(candidate, threshold, file) for file in files], bool)
    return float(wrong[told].mean()) if told.any() else 0.0, float(wrong[~told].mean()) if not told.all() else 0.0


def judged(values: Sequence[float], files: Sequence[MeasuredFile]) -> Judged:
    """Values of files for the metrics."""
    return Judged(
        np.array(values, np.float64),
        np.array([file.sample.fake for file in files], bool),
        np.array([file.sample.source for file in files], str),
        np.array([file.sample.group for file in files], str),
    )


def mean_of(some: Judged) -> float:
    """The mean value; not a number where there is none."""
    return float(some.logits.mean()) if len(some) else float("nan")


def fair(told: Judged) -> Rate:
    """A share with its interval, whose upper bound is at least what so few groups can exclude if none were told."""
    plain = rate(told, mean_of)
    none_told = 1 - TAIL ** (1 / len(np.unique(told.groups)))
    return replace(plain, high=round(max(plain.high, none_told), 4))


def lowest_threshold(reals: NDArray[np.float64]) -> float:
    """The lowest threshold that at most MOST_FALSE_ALARMS of genuine files reach, in DIGITS digits."""
    ordered = np.sort(reals)[::-1]
    largest_silent = float(ordered[math.floor(MOST_FALSE_ALARMS * len(ordered))])
    threshold = rounded(largest_silent)
    return threshold if threshold > largest_silent else rounded(threshold + _unit(threshold))


def rounded(value: float) -> float:
    """A threshold in DIGITS digits."""
    return float(f"{value:.{DIGITS}g}")


def _unit(value: float) -> float:
    """What one more in the last of DIGITS digits is."""
    return float(10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS)) if value else 10.0**-DIGITS


def _threshold(candidate: Candidate, files: Sequence[MeasuredFile]) -> float:
    if candidate.threshold is not None:
        return candidate.threshold
    values = [candidate.value_of(file) for file in files if not file.sample.fake]
    return lowest_threshold(np.array([value for value in values if value is not None]))


def _tried(
    candidate: Candidate, threshold: float, files: Sequence[MeasuredFile], proof: str, figure: Rate, proven: bool
) -> Tried:
    told = judged([float(is_told(candidate, threshold, file)) for file in files], files)
    return _row(candidate, threshold, told, proof, figure, proven)


def _row(candidate: Candidate, threshold: float, told: Judged, proof: str, figure: Rate, proven: bool) -> Tried:
    return Tried(
        candidate.code,
        candidate.basis,
        threshold,
        candidate.below,
        fair(told.where(~told.fake)),
        rate(told.where(told.fake), mean_of),
        proof,
        figure,
        proven and candidate.served,
    )
