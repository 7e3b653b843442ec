"""Finding faces with YuNet (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023)."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from backend.domain import Box, Face, Pixels
from backend.faces.cropping import shrink

DETECTOR_PATH = Path(__file__).with_name("face_detection_yunet_2023mar.onnx")
SEARCH_SHARE = 1 / 3  # faces are searched on a copy of this size, in which a face of 64 pixels still has 21,
SMALLEST_COPY, LARGEST_COPY = 320, 640  # but its longer side is within these, in pixels
OVERLAP_LIMIT = 0.3  # intersection over union above which two boxes are one face
BORDER = 0.25  # of the picture's longer side, added on each side where a face may fill the picture
LARGE_FACE = 0.7  # of the picture's longer side, above which a box that ends at an edge is not believed
EDGE = 0.03  # of the picture's longer side: so near is at the edge
COARSEST_STRIDE = 32  # pixels, of the detector: a smaller picture has nothing to search


cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns whenever it loads YuNet

_local = threading.local()  # one network a thread: a shared one corrupts the heap


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
    bottom = pad + max(0, COARSEST_STRIDE - small.shape[0])
    right = pad + max(0, COARSEST_STRIDE - small.shape[1])
    if bottom or right:
        small = np.asarray(cv2.copyMakeBorder(small, pad, bottom, pad, right, cv2.BORDER_CONSTANT), np.uint8)
    network = _network()
    network.setScoreThreshold(score_threshold)
    network.setInputSize((small.shape[1], small.shape[0]))
    _, rows = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    if rows is None:
        return []
    faces = [_face(row, scale, pad) for row in rows if np.isfinite(row).all() and row[2] > 0 and row[3] > 0]
    return sorted(faces, key=lambda face: (-face.box.width * face.box.height, face.box))


def _network() -> cv2.FaceDetectorYN:
    if not hasattr(_local, "network"):
        _local.network = cv2.FaceDetectorYN.create(
            str(DETECTOR_PATH), "", (SMALLEST_COPY, SMALLEST_COPY), nms_threshold=OVERLAP_LIMIT
        )
    network: cv2.FaceDetectorYN = _local.network
    return network


def _face(row: np.ndarray, scale: float, pad: int) -> Face:
    """Read one row of the detector: box, five landmarks, score; in pixels of the searched copy."""
    x, y, width, height = (float(value) for value in row[:4])
    points = (row[4:14].reshape(5, 2) - pad) / scale
    return Face(
        Box((x - pad) / scale, (y - pad) / scale, width / scale, height / scale),
        tuple((float(point[0]), float(point[1])) for point in points),
        float(row[14]),
    )
