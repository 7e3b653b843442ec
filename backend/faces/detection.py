"""Finding faces in pictures of any size."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from backend.domain import Box, Face, Pixels
from backend.faces.cropping import shrink
from backend.faces.yunet import STRIDES, YuNet

SEARCH_SHARE = 1 / 3  # faces are searched on a copy of this size, in which a face of 64 pixels still has 21,
SMALLEST_COPY, LARGEST_COPY = 320, 640  # but its longer side is within these, in pixels
BORDER = 0.25  # of the picture's longer side, added on each side where a face may fill the picture
LARGE_FACE = 0.7  # of the picture's longer side, above which a box that ends at an edge is not believed
EDGE = 0.03  # of the picture's longer side: so near is at the edge


def find_faces(pixels: Pixels, score_threshold: float, most: int) -> list[Face]:
    """Find faces in a (height, width, 3) uint8 RGB picture: the largest first, at most `most`.

    A picture without a face, or with a large one at its edge, is searched again with a border around it: the
    detector squeezes boxes into the picture, and the network was trained on boxes that reach beyond.
    """
    longer = max(pixels.shape[:2])
    copy = min(max(SMALLEST_COPY, round(SEARCH_SHARE * longer)), LARGEST_COPY)
    faces = _search(pixels, score_threshold, copy, border=0.0)
    if not faces or _is_squeezed(faces[0].box, *pixels.shape[:2]):
        faces = _search(pixels, score_threshold, SMALLEST_COPY, border=BORDER) or faces
    return faces[:most]


def _is_squeezed(box: Box, height: int, width: int) -> bool:
    """Whether a box is so large and so near an edge that the face may reach beyond it."""
    longer = max(height, width)
    nearest = min(box.x, box.y, width - box.x - box.width, height - box.y - box.height)
    return box.longer_side > LARGE_FACE * longer and nearest < EDGE * longer


def _search(pixels: Pixels, score_threshold: float, side: int, border: float) -> list[Face]:
    height, width = pixels.shape[:2]
    around = round(max(height, width) * border)
    scale = min(1.0, side / (max(height, width) + 2 * around))
    small = shrink(pixels, scale) if scale < 1 else pixels
    pad = round(around * scale)
    bottom, right = (pad + -(length + 2 * pad) % STRIDES[-1] for length in small.shape[:2])
    if bottom or right:
        small = np.asarray(cv2.copyMakeBorder(small, pad, bottom, pad, right, cv2.BORDER_CONSTANT), np.uint8)
    faces = [_face(row, scale, pad) for row in load_detector().detect(small, score_threshold)]
    return sorted(faces, key=lambda face: (-face.box.width * face.box.height, face.box))


@cache
def load_detector() -> YuNet:
    """The one detector of a process; the first call takes a quarter of a second."""
    return YuNet()


def _face(row: np.ndarray, scale: float, pad: int) -> Face:
    """Read one row of the detector: box, five landmarks, score; in pixels of the searched copy."""
    x, y, width, height = (float(value) for value in row[:4])
    points = (row[4:14].reshape(5, 2) - pad) / scale
    return Face(
        Box((x - pad) / scale, (y - pad) / scale, width / scale, height / scale),
        tuple((float(point[0]), float(point[1])) for point in points),
        float(row[14]),
    )
