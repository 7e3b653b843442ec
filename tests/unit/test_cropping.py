from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import CROP_SIDE, Box, Face
from backend.faces.cropping import crop_face, crop_whole, cut, shrink, square_around

SIDES = st.floats(1, 400)
PLACES = st.floats(-200, 300)


def face(box: Box) -> Face:
    return Face(box, ((0.0, 0.0),) * 5, 0.9)


def coordinates(height: int, width: int) -> np.ndarray:
    rows, columns = np.indices((height, width))
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


@given(PLACES, PLACES, SIDES, SIDES, st.floats(0.5, 2))
def test_square_shares_the_centre_of_the_box_and_has_the_margin_times_its_longer_side(x, y, width, height, margin):
    box = Box(x, y, width, height)
    square = square_around(box, margin)
    assert square.width == square.height == max(1, round(margin * max(width, height)))
    assert square.centre == pytest.approx(box.centre, abs=1)
    assert square.x == int(square.x) and square.y == int(square.y)


@given(PLACES, PLACES, SIDES, SIDES)
def test_any_box_gives_a_crop_of_the_network_size(x, y, width, height):
    crop = crop_face(coordinates(120, 160), face(Box(x, y, width, height)), margin=0.95)
    assert crop.pixels.shape == (CROP_SIDE, CROP_SIDE, 3)
    assert crop.pixels.dtype == np.uint8


def test_pixels_inside_the_picture_are_taken_as_they_are():
    picture = coordinates(200, 240)
    np.testing.assert_array_equal(cut(picture, Box(30, 20, 100, 100), 100), picture[20:120, 30:130])


def test_beyond_the_edge_the_picture_is_mirrored():
    picture = coordinates(100, 100)
    out = cut(picture, Box(-10, 5, 40, 40), 40)
    np.testing.assert_array_equal(out[:, 10:], picture[5:45, :30])
    np.testing.assert_array_equal(out[:, :10], picture[5:45, 9::-1])


def test_a_square_larger_than_the_picture_is_mirrored_on_all_sides():
    picture = coordinates(50, 60)
    out = cut(picture, Box(-20, -25, 100, 100), 100)
    np.testing.assert_array_equal(out[25:75, 20:80], picture)
    assert out[24, 20, 0] == 0 and out[25 + 50, 20, 0] == 49


def test_shrinking_averages_over_areas():
    stripes = np.zeros((448, 448, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (cut(stripes, Box(0, 0, 448, 448), CROP_SIDE) == 100).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_copy_of_a_third_of_the_size_has_the_means_of_nine_pixels(height, width, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (3 * height, 3 * width, 3), np.uint8)
    means = picture.reshape(height, 3, width, 3, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(shrink(picture, 1 / 3), np.rint(means))


def test_a_smaller_square_is_enlarged_smoothly():
    picture = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None], (32, 1, 3))
    out = cut(picture, Box(0, 0, 32, 32), CROP_SIDE)
    assert (np.diff(out[0, :, 0].astype(int)) >= 0).all() and np.diff(out[0, :, 0].astype(int)).max() <= 2


def test_without_a_face_the_largest_centred_square_is_taken():
    picture = coordinates(100, 180)
    crop = crop_whole(picture)
    assert crop.region == Box(40, 0, 100, 100) and crop.face is None
    expected = cv2.resize(picture[:, 40:140], (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(crop.pixels, expected)
