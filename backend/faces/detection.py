"""Finding faces with YuNet (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023)."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from backend.domain import Box, Face, Pixels

DETECTOR_PATH = Path(__file__).with_name("face_detection_yunet_2023mar.onnx")
SEARCH_SIDE = 640  # pixels: faces are searched on a copy whose longer side is at most this
LARGE_SEARCH_SIDE = 320  # pixels: for faces so large that a coarser copy shows them as well
OVERLAP_LIMIT = 0.3  # intersection over union above which two boxes are one face
BORDER = 0.25  # of the picture's longer side, added on each side where a face may fill the picture
LARGE_FACE = 0.7  # of the picture's longer side, above which a box without a border comes out too small
SMALLEST_SEARCH_SIDE = 32  # pixels: the coarsest stride of the detector


cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns whenever it loads YuNet

_local = threading.local()  # one network a thread: a shared one corrupts the heap


def find_faces(pixels: Pixels, score_threshold: float, most: int) -> list[Face]:
    """Find faces in a (height, width, 3) uint8 RGB picture: the largest first, at most `most`.

    A picture without a face, or with one that nearly fills it, is searched again with a border around it: the
    detector squeezes boxes into the picture, and the network was trained on boxes that reach beyond.
    """
    faces = _search(pixels, score_threshold, SEARCH_SIDE, border=0.0)
    if not faces or faces[0].box.longer_side > LARGE_FACE * max(pixels.shape[:2]):
        faces = _search(pixels, score_threshold, LARGE_SEARCH_SIDE, border=BORDER) or faces
    return faces[:most]


def _search(pixels: Pixels, score_threshold: float, side: int, border: float) -> list[Face]:
    height, width = pixels.shape[:2]
    around = round(max(height, width) * border)
    scale = min(1.0, side / (max(height, width) + 2 * around))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    pad = round(around * scale)
    bottom = pad + max(0, SMALLEST_SEARCH_SIDE - small.shape[0])
    right = pad + max(0, SMALLEST_SEARCH_SIDE - small.shape[1])
    if bottom or right:
        small = cv2.copyMakeBorder(small, pad, bottom, pad, right, cv2.BORDER_CONSTANT)
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
            str(DETECTOR_PATH), "", (SEARCH_SIDE, SEARCH_SIDE), nms_threshold=OVERLAP_LIMIT
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
