"""Figures: areas under curves, rates at a threshold, their intervals, and how far probabilities are to be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from backend.model.manifest import Rate

Logits = NDArray[np.float64]
Labels = NDArray[np.bool_]

RESAMPLINGS = 500
INTERVAL = (2.5, 97.5)  # percentiles
CONFIDENCE_BINS = 10


@dataclass(frozen=True)
class Judged:
    """Logits with what is known of the files behind them, all (n,)."""

    logits: Logits
    fake: Labels
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.logits)

    def where(self, chosen: NDArray[np.bool_]) -> Judged:
        """The chosen files."""
        return Judged(self.logits[chosen], self.fake[chosen], self.sources[chosen], self.groups[chosen])


def area(judged: Judged) -> float:
    """Area under the receiver operating curve; not a number where one label is missing."""
    if judged.fake.all() or not judged.fake.any():
        return float("nan")
    return float(roc_auc_score(judged.fake, judged.logits))


def called_fake(judged: Judged, threshold: float) -> float:
    """Share of files at or above a threshold."""
    return float((judged.logits >= threshold).mean()) if len(judged) else float("nan")


def balanced_accuracy(judged: Judged, threshold: float) -> float:
    """Mean of the shares of reals and of fakes that are told rightly."""
    found = called_fake(judged.where(judged.fake), threshold)
    return (found + 1 - called_fake(judged.where(~judged.fake), threshold)) / 2


def interval(judged: Judged, figure: Callable[[Judged], float], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a figure by resampling groups, since files of a group are not independent."""
    random = np.random.default_rng(seed)
    names, group_of = np.unique(judged.groups, return_inverse=True)
    members = [np.flatnonzero(group_of == group) for group in range(len(names))]
    figures = []
    for _ in range(RESAMPLINGS):
        drawn = np.concatenate([members[group] for group in random.integers(len(names), size=len(names))])
        figures.append(figure(Judged(*(values[drawn] for values in _columns(judged)))))
    known = [value for value in figures if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, INTERVAL)
    return float(low), float(high)


def rate(judged: Judged, figure: Callable[[Judged], float]) -> Rate:
    """A figure with its interval and the number of files."""
    low, high = interval(judged, figure)
    return Rate(round(figure(judged), 4), round(low, 4), round(high, 4), len(judged))


def source_weights(judged: Judged) -> NDArray[np.float64]:
    """Weights, (n,), by which labels count alike, and within a label each source by the square root of its size."""
    weights = np.zeros(len(judged))
    for label in (False, True):
        of_label = judged.fake == label
        for source in np.unique(judged.sources[of_label]):
            chosen = of_label & (judged.sources == source)
            weights[chosen] = 1 / np.sqrt(chosen.sum())
        if of_label.any():
            weights[of_label] /= 2 * weights[of_label].sum()
    return weights


def calibration_error(probabilities: NDArray[np.float64], fake: Labels, weights: NDArray[np.float64]) -> float:
    """Expected calibration error: mean distance of the probability of being fake from the share of fakes, by tenths."""
    bins = np.minimum((probabilities * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    total = 0.0
    for chosen in (bins == number for number in range(CONFIDENCE_BINS)):
        if weights[chosen].sum() > 0:
            share = np.average(fake[chosen], weights=weights[chosen])
            mean = np.average(probabilities[chosen], weights=weights[chosen])
            total += weights[chosen].sum() * abs(share - mean)
    return float(total / weights.sum())


def calibration_error_by_chance(probabilities: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The mean calibration error of files whose labels were drawn by their probabilities: of so few, it is not 0."""
    random = np.random.default_rng(0)
    draws = (random.random(len(probabilities)) < probabilities for _ in range(RESAMPLINGS))
    return float(np.mean([calibration_error(probabilities, fake, weights) for fake in draws]))


def _columns(judged: Judged) -> Sequence[NDArray[np.generic]]:
    return judged.logits, judged.fake, judged.sources, judged.groups
