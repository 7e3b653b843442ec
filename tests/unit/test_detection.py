from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from backend.faces.detection import find_faces
from tests.generators import face_picture


def overlap(one, other) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0, width) * max(0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def test_a_face_is_found_with_its_landmarks_inside_the_box():
    (face,) = find_faces(face_picture(), 0.7, 8)
    x, y, width, height = face.box
    assert 60 < width < 160 and x < 224 < x + width and y < 110 < y + height
    assert all(x <= a <= x + width and y <= b <= y + height for a, b in face.landmarks)
    right_eye, left_eye, nose, *_ = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]


@pytest.mark.parametrize("scale", [0.4, 2.5, 5])
def test_boxes_are_in_source_pixels_whatever_the_size_of_the_picture(scale):
    (small,) = find_faces(face_picture(), 0.7, 8)
    resized = cv2.resize(face_picture(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (face,) = find_faces(resized, 0.7, 8)
    assert np.allclose(np.array(face.box) / scale, small.box, atol=8)


def test_a_face_that_fills_the_picture_is_found_with_a_box_that_may_reach_beyond():
    (whole,) = find_faces(face_picture(), 0.7, 8)
    x, y, width, height = (round(value) for value in whole.box)
    tight = face_picture()[y + 8 : y + height - 8, x + 4 : x + width - 4]
    (face,) = find_faces(tight, 0.7, 8)
    assert face.box.longer_side > 0.85 * whole.box.longer_side


def test_the_largest_come_first_and_no_more_than_asked_for():
    small = cv2.resize(face_picture(), (256, 256), interpolation=cv2.INTER_AREA)
    both = np.zeros((512, 768, 3), np.uint8)
    both[:, :512] = face_picture()
    both[:256, 512:] = small
    large, little = find_faces(both, 0.7, 8)
    assert large.box.longer_side > little.box.longer_side
    assert find_faces(both, 0.7, 1) == [large]


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (40, 30), (480, 640)])
def test_a_picture_without_a_face_gives_none(shape):
    assert find_faces(np.full((*shape, 3), 90, np.uint8), 0.7, 8) == []


def test_threads_find_the_same_at_the_same_time():
    expected = find_faces(face_picture(), 0.7, 8)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: find_faces(face_picture(), 0.7, 8), range(16)))
    assert all(faces == expected for faces in found)
