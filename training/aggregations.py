"""Other ways from the logits of frames to the logit of a clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from backend.domain import JudgedFrame
from backend.verdict.aggregation import is_long_enough

Logits = NDArray[np.float64]


def mean_probability(logits: Logits) -> float:
    """The mean of the probabilities."""
    return float(np.mean(1 / (1 + np.exp(-logits))))


def most_suspicious_half(logits: Logits) -> float:
    """The mean over the half of the frames that look most fake."""
    return float(np.sort(logits)[len(logits) // 2 :].mean())


def confident_frames(logits: Logits) -> float:
    """The mean over confident frames, where they are many (Seferbekov, winner of the DFDC, 2020)."""
    probabilities = 1 / (1 + np.exp(-logits))
    fake, real = probabilities > 0.8, probabilities < 0.2
    if fake.sum() > len(logits) / 2.5:
        return float(probabilities[fake].mean())
    return float(probabilities[real].mean() if real.sum() > 0.9 * len(logits) else probabilities.mean())


TRIED_AGGREGATIONS: dict[str, tuple[Callable[[Logits], float], Callable[[Sequence[float]], float]]] = {
    "mean of a track's frames, highest of the tracks, as served": (np.mean, max),
    "mean of a track's frames, mean of the tracks": (np.mean, np.mean),
    "median of a track's frames": (np.median, max),
    "mean of a track's more suspicious half": (most_suspicious_half, max),
    "a track's most suspicious frame": (np.max, max),
    "mean of a track's probabilities": (mean_probability, max),
    "a track's confident frames": (confident_frames, max),
}


def tracks_of(frames: Iterable[JudgedFrame]) -> list[Logits]:
    """The logits of each track that may speak for a clip, at its instants."""
    instants = [frame for frame in frames if not frame.frame.follows]
    logits: defaultdict[int, list[float]] = defaultdict(list)
    for frame in instants:
        for face in frame.faces:
            logits[face.track].append(face.score.logit)
    long_enough = [seen for seen in logits.values() if is_long_enough(len(seen), len(instants))]
    return [np.array(seen, np.float64) for seen in long_enough or logits.values()]
