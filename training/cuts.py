"""Other cuts of the same faces: margins of the crop, and sides of the network's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE, Crop, ExaminedFrame, Pixels
from backend.faces.cropping import cut, square_around
from backend.model.classifier import LOGIT_TOLERANCE
from training.averaging import assign, weights_of
from training.dataset import Sample, read_picture
from training.network import build_network

TRIED_CUTS = {  # margin of the crop, side of the network's input in pixels
    "0.85 times the box": (0.85, CROP_SIDE),
    "0.95 times the box": (0.95, CROP_SIDE),
    "1.05 times the box": (1.05, CROP_SIDE),
    "1.3 times the box": (1.3, CROP_SIDE),
    "0.95 times the box, at 192 pixels": (0.95, 192),
    "0.95 times the box, at 256 pixels": (0.95, 256),
}
BATCH = 32


class ResizedNetwork:
    """A model file's weights at another side of the input, behind the interface `Classifier`."""

    failed = False
    logit_tolerance = LOGIT_TOLERANCE

    def __init__(self, path: Path, side: int) -> None:
        self._network = build_network(side)
        assign(self._network, weights_of(keras.models.load_model(path, compile=False)))

    def predict(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge (n, side, side, 3) uint8 RGB crops; see `Classifier.predict`."""
        probabilities, maps = self._network.predict(crops.astype(np.float32), batch_size=BATCH, verbose=0)
        return probabilities[:, 0], maps[..., 0]


def recut(
    samples: Sequence[Sample], examined: Sequence[list[ExaminedFrame]], margin: float, side: int
) -> list[list[ExaminedFrame]]:
    """The faces that were found in pictures, cut anew from their files."""
    return [
        [replace(frame, crops=_recut(read_picture(sample.path), frame.crops, margin, side)) for frame in frames]
        for sample, frames in zip(samples, examined, strict=True)
    ]


def _recut(pixels: Pixels, crops: Sequence[Crop], margin: float, side: int) -> tuple[Crop, ...]:
    squares = [square_around(crop.face.box, margin) if crop.face else crop.region for crop in crops]
    return tuple(
        replace(crop, pixels=cut(pixels, square, side), region=square)
        for crop, square in zip(crops, squares, strict=True)
    )
