"""Views of a crop: a picture shows a face at one instant only, so it is looked at in more than one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from backend.domain import CROP_SIDE, Pixels, Score
from backend.model.holder import LoadedModel

MIDDLE = slice(27, CROP_SIDE - 27)  # with a crop margin of 1.05 it is a margin of 0.80

View = Callable[[Pixels], Pixels]


def itself(crop: Pixels) -> Pixels:
    """The crop as it is."""
    return crop


def mirrored(crop: Pixels) -> Pixels:
    """Left and right exchanged."""
    return crop[:, ::-1]


def closer(crop: Pixels) -> Pixels:
    """The middle, enlarged to the whole."""
    enlarged = cv2.resize(crop[MIDDLE, MIDDLE], (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.uint8)


VIEWS = (itself, mirrored, closer)


def score_in_views(crops: Pixels, model: LoadedModel, views: Sequence[View] = VIEWS) -> list[Score]:
    """Judge (n, 224, 224, 3) uint8 RGB crops by the mean of the logits of their views, n at least 1.

    The logit map stays that of the first view. Measured in MODEL_CARD.md; such means are as old as Krizhevsky et al.,
    "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
    """
    scores = model.score(np.stack([view(crop) for crop in crops for view in views]))
    of_crops = (scores[start : start + len(views)] for start in range(0, len(scores), len(views)))
    return [
        Score(sum(logits) / len(logits), first.logit_map, logits)
        for first, logits in ((seen[0], tuple(score.logit for score in seen)) for seen in of_crops)
    ]
