from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.domain import Appearance, Face
from backend.faces.cropping import crop_face
from backend.faces.detection import find_faces
from backend.faces.measuring import measure_appearance
from tests.generators import Pixels, face_picture


@pytest.fixture(scope="module")
def face() -> Face:
    return find_faces(face_picture(), 0.7, 1)[0]


def looks(pixels: Pixels, face: Face) -> Appearance:
    return measure_appearance(pixels, face, crop_face(pixels, face, 0.95).pixels)


def with_soft_face(pixels: Pixels, face: Face, blur: float) -> Pixels:
    """The picture with its face blurred, as one that was put in from a smaller picture."""
    x, y, width, height = (round(value) for value in face.box)
    soft = pixels.copy()
    inside = (slice(y, y + height), slice(x, x + width))
    soft[inside] = cv2.GaussianBlur(pixels, (0, 0), blur)[inside]
    return soft


def test_a_darker_picture_is_less_bright_and_as_sharp(face):
    plain, dark = looks(face_picture(), face), looks(face_picture() // 2, face)
    assert dark.brightness == pytest.approx(plain.brightness / 2, rel=0.02)
    assert dark.sharpness == pytest.approx(plain.sharpness, rel=0.1)


def test_sharpness_falls_with_every_blur(face):
    values = [looks(cv2.GaussianBlur(face_picture(), (0, 0), blur), face).sharpness for blur in (0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True) and values[-1] < values[0] / 3


def test_sharpness_is_of_the_face_whatever_its_size(face):
    pixels = cv2.resize(face_picture(), None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    (twice,) = find_faces(pixels, 0.7, 1)
    assert looks(pixels, twice).sharpness == pytest.approx(looks(face_picture(), face).sharpness, rel=0.25)


def test_a_face_that_is_softer_than_its_surroundings_shows(face):
    values = [looks(with_soft_face(face_picture(), face, blur), face).softness for blur in (0.3, 1.0, 2.0, 4.0)]
    assert values == sorted(values) and values[-1] > values[0] + 1


def test_a_blur_of_the_whole_picture_makes_no_soft_face(face):
    blurred = cv2.GaussianBlur(face_picture(), (0, 0), 2.0)
    assert looks(blurred, face).softness == pytest.approx(looks(face_picture(), face).softness, abs=0.7)
    assert looks(blurred, face).softness < looks(with_soft_face(face_picture(), face, 2.0), face).softness - 0.5


def test_a_face_that_fills_the_picture_has_no_surroundings(face):
    x, y, width, height = (round(value) for value in face.box)
    pixels = face_picture()[y : y + height, x : x + width]
    alone = Face(type(face.box)(0, 0, width, height), face.landmarks, 0.9)
    assert looks(pixels, alone).softness is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_finite_looks(face, level):
    flat = looks(np.full_like(face_picture(), level), face)
    assert flat == Appearance(brightness=pytest.approx(level), sharpness=0.0, softness=0.0)
