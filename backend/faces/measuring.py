"""What is measured of a face's pixels while its frame is at hand."""

from __future__ import annotations

from functools import cache
from math import log2

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain import Appearance, Box, Face, Pixels
from backend.faces.cropping import cut, square_around

CROP_COPY = 128  # pixels: sharpness is measured on a copy of the crop of this side, so that all faces compare
FLAT = 4.0  # levels of contrast below which there is nothing to be sharp
WIDE_MARGIN = 2.0  # times the longer side of the face's box
WIDE_SIDE = 224  # pixels: the face with its surroundings
FACE_RADIUS, SURROUNDINGS_RADIUS = 0.3, 0.6  # of the longer side of the box, from its centre: less is face, more is not
LEAST_SURROUNDINGS = 0.1  # of those that the square would show if the picture did not end
FINE_SCALE = 1.0  # pixels of the wide copy, standard deviation: what this blur takes away is fine detail
LEAST_DETAIL = 0.05  # levels: so little is as good as none


def measure_appearance(pixels: Pixels, face: Face, crop: Pixels) -> Appearance:
    """Measure a face.

    Args:
        pixels: the whole frame, (height, width, 3) uint8 RGB.
        face: with its box in the frame.
        crop: what was cut out for the network.
    """
    brightness, sharpness = brightness_and_sharpness(crop)
    return Appearance(brightness, sharpness, _softness(pixels, face.box))


def brightness_and_sharpness(crop: Pixels) -> tuple[float, float]:
    """The mean luma of a crop, and the strength of its edges as a multiple of its contrast."""
    luma = _luma(np.asarray(cv2.resize(crop, (CROP_COPY, CROP_COPY), interpolation=cv2.INTER_AREA), np.uint8))
    edges, contrast = cv2.Laplacian(luma, cv2.CV_32F).std(), luma.std()
    return float(luma.mean()), float(edges / max(contrast, FLAT))


def _softness(pixels: Pixels, box: Box) -> float | None:
    """How much finer the surroundings of a face are drawn than the face, as log2; None where they are out of sight."""
    square = square_around(box, WIDE_MARGIN)
    luma = _luma(cut(pixels, square, WIDE_SIDE))
    fine = luma - cv2.GaussianBlur(luma, (0, 0), FINE_SCALE)
    face, around = _rings()
    height, width = pixels.shape[:2]
    scale = WIDE_SIDE / square.width
    left, top = (max(0, round(-start * scale)) for start in (square.x, square.y))
    right, bottom = round((width - square.x) * scale), round((height - square.y) * scale)
    seen = around[top:bottom, left:right]  # what lies beyond the picture is mirrored, and no surroundings
    if seen.sum() < LEAST_SURROUNDINGS * around.sum():
        return None
    detail_around = fine[top:bottom, left:right][seen].std()
    return log2(max(float(detail_around), LEAST_DETAIL) / max(float(fine[face].std()), LEAST_DETAIL))


@cache
def _rings() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels of the wide square are the middle of the face, and which its surroundings."""
    across = (np.arange(WIDE_SIDE) + 0.5) / WIDE_SIDE * WIDE_MARGIN - WIDE_MARGIN / 2
    radius = np.hypot(across[None, :], across[:, None])
    return radius < FACE_RADIUS, radius > SURROUNDINGS_RADIUS


def _luma(pixels: Pixels) -> NDArray[np.float32]:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
