from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.faces.yunet import DETECTOR_PATH, OVERLAP_LIMIT, YuNet
from backend.model.manifest import file_sha256
from tests.generators import face_picture

PUBLISHED_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


@pytest.fixture(scope="module")
def network() -> YuNet:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns whenever it loads YuNet
    return YuNet()


def crowd(columns: int, rows: int, side: int) -> np.ndarray:
    return np.tile(cv2.resize(face_picture(), (side, side), interpolation=cv2.INTER_AREA), (rows, columns, 1))


def detected_by_opencv(pixels: np.ndarray, score_threshold: float) -> np.ndarray:
    height, width = pixels.shape[:2]
    detector = cv2.FaceDetectorYN.create(str(DETECTOR_PATH), "", (width, height), score_threshold, OVERLAP_LIMIT)
    _, rows = detector.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return np.zeros((0, 15), np.float32) if rows is None else rows


def padded(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return cv2.copyMakeBorder(pixels, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)


def test_the_detector_is_the_published_file():
    assert file_sha256(DETECTOR_PATH) == PUBLISHED_SHA256


@pytest.mark.parametrize("score_threshold", [0.7, 0.3, 0.05])
@pytest.mark.parametrize(
    ("pixels", "faces"),
    [
        (face_picture(), 1),
        (cv2.resize(face_picture(), (320, 320)), 1),
        (cv2.resize(face_picture(), (321, 299)), 1),
        (crowd(4, 3, 160), 12),
        (crowd(3, 1, 211), 3),
        (np.full((480, 640, 3), 90, np.uint8), 0),
        (np.zeros((1, 1, 3), np.uint8), 0),
    ],
)
def test_it_gives_the_boxes_landmarks_and_scores_that_opencv_gives(network, pixels, faces, score_threshold):
    ours = network.detect(padded(pixels), score_threshold)
    assert (ours[:, 14] > 0.7).sum() == faces
    theirs = detected_by_opencv(padded(pixels), score_threshold)
    np.testing.assert_allclose(ours[:, 14], theirs[:, 14], atol=1e-3)
    # Like faces have like scores, whose order is down to the processor's rounding.
    nearest = [int(np.abs(theirs[:, :14] - one[:14]).max(axis=1).argmin()) for one in ours]
    np.testing.assert_allclose(ours, theirs[np.array(nearest, int)], atol=1e-3)
    assert sorted(nearest) == list(range(len(theirs)))


def test_opencv_pads_as_the_search_does():
    pixels = cv2.resize(face_picture(), (321, 299))
    np.testing.assert_array_equal(detected_by_opencv(pixels, 0.7), detected_by_opencv(padded(pixels), 0.7))
