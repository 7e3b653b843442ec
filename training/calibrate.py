"""Logits of files to probabilities: a threshold that keeps its promises to real pictures, and a Platt scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from backend.domain import Calibration
from backend.model.manifest import ErrorRates
from training.metrics import (
    Judged,
    balanced_accuracy,
    calibration_error,
    calibration_error_by_chance,
    called_fake,
    rate,
    source_weights,
)

# Of the reals of a source, at most so many may be called fake; where a source is not named, nothing is promised.
REAL_BOUNDS = {
    "web photos": 0.02,
    "portraits": 0.03,
    "FFHQ": 0.06,
    "studio": 0.05,
    "clips": 0.10,
}
SURE = 0.95  # share of right verdicts outside the inconclusive band
WIDEST_BAND = (0.02, 0.98)
FOLDS = 5
CALLED = 0.5  # between the 0 and the 1 of calls
REGULARISATION = 1e4  # scikit-learn's C: in effect none, for a single slope


@dataclass(frozen=True)
class Fitted:
    """A calibration with the share of fakes that it assumes, its inconclusive band, and what it reached.

    `error` is the expected calibration error of probabilities fitted on other groups, at a prior of one half, and
    `chance_error` what it would be of the same probabilities, so few, if they were all true; `rates` are of calls by
    thresholds set on other groups, since a bound holds on the files that set it by definition.
    """

    calibration: Calibration
    prior: float
    inconclusive: tuple[float, float]
    error: float
    chance_error: float
    rates: ErrorRates


def fit(judged: Judged) -> Fitted:
    """Fit everything on files held back.

    The slope is that of a logistic regression in which labels count alike and, within a label, sources by the square
    root of their size. The threshold is the lowest at which no source of reals is called fake more often than its
    bound. Where the regression, at a prior of one half, puts the threshold elsewhere than at even odds, the prior is
    the one that makes it even: a cautious threshold is the belief that fakes are the rarer.
    """
    threshold = lowest_threshold(judged)
    slope, bias = platt(judged)
    prior = float(1 / (1 + np.exp(slope * threshold + bias)))
    # Rounded down it would call the very file fake that it was set above.
    calibration = Calibration(scale=round(slope, 4), threshold=round_up(threshold, 4))
    weights = source_weights(judged) * np.where(judged.fake, 2 * prior, 2 * (1 - prior))
    probabilities = np.array([calibration.fake_probability(logit) for logit in judged.logits])
    by_others = cross_validated(judged)
    return Fitted(
        calibration=calibration,
        prior=round(prior, 4),
        inconclusive=inconclusive_band(probabilities, judged.fake, weights),
        error=round(calibration_error(by_others, judged.fake, source_weights(judged)), 4),
        chance_error=round(calibration_error_by_chance(by_others, source_weights(judged)), 4),
        rates=error_rates(held_out_calls(judged)),
    )


def lowest_threshold(judged: Judged) -> float:
    """The lowest threshold that keeps every bound; where no bounded source is present, the best balanced one."""
    thresholds = []
    for source, bound in REAL_BOUNDS.items():
        reals = np.sort(judged.logits[(judged.sources == source) & ~judged.fake])
        if len(reals):
            allowed = int(bound * len(reals))
            thresholds.append(float(np.nextafter(reals[len(reals) - 1 - allowed], np.inf)))
    if thresholds:
        return max(thresholds)
    candidates: list[float] = np.unique(judged.logits).tolist()
    return max(candidates, key=lambda threshold: balanced_accuracy(judged, threshold))


def round_up(value: float, digits: int) -> float:
    """The lowest number of so many digits after the point that is not below a value."""
    rounded = round(value, digits)
    return rounded if rounded >= value else round(rounded + 10.0**-digits, digits)


def platt(judged: Judged) -> tuple[float, float]:
    """Slope and bias of the logistic regression, at a prior of one half."""
    model = LogisticRegression(C=REGULARISATION)
    model.fit(judged.logits[:, None], judged.fake, sample_weight=len(judged) * source_weights(judged))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def cross_validated(judged: Judged) -> NDArray[np.float64]:
    """Probabilities of being fake, (n,), each by a Platt scale fitted on other groups, at a prior of one half."""
    probabilities = np.full(len(judged), np.nan)
    for fitted, held in folds(judged):
        slope, bias = platt(judged.where(fitted))
        probabilities[held] = 1 / (1 + np.exp(-slope * judged.logits[held] - bias))
    return probabilities


def held_out_calls(judged: Judged) -> Judged:
    """The same files with 1 in place of the logit where a threshold set on other groups calls them fake, else 0."""
    calls = np.full(len(judged), np.nan)
    for fitted, held in folds(judged):
        calls[held] = judged.logits[held] >= lowest_threshold(judged.where(fitted))
    return Judged(calls, judged.fake, judged.sources, judged.groups)


def folds(judged: Judged) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Masks (n,) of the files to fit on and of those held out, no group in both."""
    splitter = GroupKFold(min(FOLDS, len(np.unique(judged.groups))))
    for _, held in splitter.split(judged.logits[:, None], judged.fake, judged.groups):
        mask = np.isin(np.arange(len(judged)), held)
        yield ~mask, mask


def inconclusive_band(
    probabilities: NDArray[np.float64], fake: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """The narrowest band outside which at least SURE of the verdicts on either side are right, in whole per cent."""
    steps = np.arange(0.5, WIDEST_BAND[1] + 1e-9, 0.01)

    def sure(chosen: NDArray[np.bool_], right: NDArray[np.bool_]) -> bool:
        return bool(chosen.any()) and float(np.average(right[chosen], weights=weights[chosen])) >= SURE

    high = next((step for step in steps if sure(probabilities >= step, fake)), WIDEST_BAND[1])
    low = next((1 - step for step in steps if sure(probabilities <= 1 - step, ~fake)), WIDEST_BAND[0])
    return round(float(low), 2), round(float(high), 2)


def error_rates(calls: Judged) -> ErrorRates:
    """How often reals were called fake, and fakes real, with their intervals; every source counts alike."""
    return ErrorRates(
        real_called_fake=rate(calls.where(~calls.fake), mean_over_sources),
        fake_called_real=rate(calls.where(calls.fake), lambda files: 1 - mean_over_sources(files)),
    )


def mean_over_sources(calls: Judged) -> float:
    """The share called fake, averaged over sources."""
    shares = [called_fake(calls.where(calls.sources == source), CALLED) for source in np.unique(calls.sources)]
    return float(np.mean(shares)) if shares else float("nan")
