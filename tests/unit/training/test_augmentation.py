from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from backend.domain import CROP_SIDE
from tests.generators import face_picture
from training.augmentation import (
    CANVAS_SIDE,
    LUMINANCE_TABLE,
    STORED_SIDE,
    Treatment,
    compress,
    draw_treatment,
    mix_up,
    quantisation_tables,
    reflect,
    resampling_matrix,
    share_treatment,
    treat,
    treat_masks,
    visible_cells,
)

NOTHING = Treatment(
    centre_x=144.0,
    centre_y=144.0,
    width=224.0,
    height=224.0,
    flipped=0.0,
    edge=0.0,
    face_side=224.0,
    sharpness=1.0,
    brightness=0.0,
    contrast=1.0,
    saturation=1.0,
    gamma=1.0,
    noise=0.0,
    hole_x=0.25,
    hole_y=0.5,
    hole_width=0.0,
    hole_height=0.25,
    hole_level=77.0,
    quality=90.0,
    compressed=0.0,
    subsampled=0.0,
)


def treatment(count: int = 1, **changed: float) -> Treatment:
    return Treatment(*(ops.full((count,), float(value)) for value in NOTHING._replace(**changed)))


def stored(count: int = 1) -> np.ndarray:
    picture = np.asarray(Image.fromarray(face_picture()).resize((STORED_SIDE, STORED_SIDE)), np.float32)
    return np.repeat(picture[None], count, axis=0)


def test_treated_pictures_have_the_network_size_and_whole_levels(seed):
    out = np.asarray(treat(stored(8), draw_treatment(8, seed), seed))
    assert out.shape == (8, CROP_SIDE, CROP_SIDE, 3)
    assert out.min() >= 0 and out.max() <= 255 and (out == np.round(out)).all()


def test_no_treatment_leaves_the_middle_as_it_is(seed):
    out = np.asarray(treat(stored(), treatment(), seed))
    assert np.abs(out[0] - stored()[0, 32:256, 32:256]).max() <= 1


def test_pictures_of_one_unit_get_the_same_treatment(seed):
    drawn = share_treatment(draw_treatment(3, seed), np.array([0, 0, 1, 1, 2], np.int32))
    for values in drawn:
        numbers = np.asarray(values)
        assert numbers[0] == numbers[1] and numbers[2] == numbers[3]
    quiet = drawn._replace(noise=ops.zeros((5,)))
    out = np.asarray(treat(stored(5), quiet, seed))
    np.testing.assert_array_equal(out[0], out[1])
    assert np.abs(out[0] - out[2]).max() > 0


def test_a_flip_exchanges_left_and_right(seed):
    flipped = np.asarray(treat(stored(), treatment(flipped=1), seed))
    np.testing.assert_allclose(flipped[:, :, ::-1], np.asarray(treat(stored(), treatment(), seed)), atol=1)


def test_masks_go_where_their_pictures_go(seed):
    spot = np.zeros((1, STORED_SIDE, STORED_SIDE, 3), np.float32)
    spot[:, 60:120, 180:240] = 255
    moved = treatment(flipped=1, width=250, height=200, centre_x=150, face_side=100)
    picture = np.asarray(treat(spot, moved, seed))[0, :, :, 0]
    cells = np.asarray(treat_masks(spot[..., :1] / 255, moved, 7))[0, :, :, 0]
    expected = picture.reshape(7, 32, 7, 32).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(cells, expected, atol=0.02)
    assert cells.max() > 0.5


def test_a_hole_hides_the_same_part_of_the_picture_and_of_the_map(seed):
    plain = treatment(face_side=112)
    hidden = treatment(face_side=112, hole_width=0.5)
    changed = np.asarray(treat(stored(), hidden, seed) != treat(stored(), plain, seed))[0].any(axis=-1)
    assert changed[115:165, 60:165].all() and not changed[:105].any() and not changed[:, :50].any()
    np.testing.assert_allclose(treat(stored(), hidden, seed)[0, 115:165, 60:165], 77)
    np.testing.assert_array_equal(visible_cells(plain, 7), 1)
    np.testing.assert_array_equal(
        np.argwhere(np.asarray(visible_cells(hidden, 7))[0, :, :, 0] == 0),
        [(row, column) for row in (3, 4) for column in (2, 3, 4)],
    )


def test_holes_lie_inside_the_crop_and_leave_most_of_it(seed):
    drawn = draw_treatment(2000, seed)
    width, height = np.asarray(drawn.hole_width), np.asarray(drawn.hole_height)
    assert (np.asarray(drawn.hole_x) + width).max() <= 1 and (np.asarray(drawn.hole_y) + height).max() <= 1
    assert 0.3 < (width > 0).mean() < 0.5 and (width * height).max() < 0.21


def test_rescaling_takes_detail_away(seed):
    sharp, soft = (np.asarray(treat(stored(), treatment(face_side=side), seed)) for side in (224, 64))
    assert np.abs(np.diff(soft, axis=2)).mean() < 0.6 * np.abs(np.diff(sharp, axis=2)).mean()


def test_resampling_rows_sum_to_one():
    matrix = np.asarray(resampling_matrix(ops.linspace(3.0, 40.0, 20)[None], ops.full((1,), 2.5), 48))
    np.testing.assert_allclose(matrix.sum(axis=-1), 1, atol=1e-5)


def test_positions_beyond_an_edge_are_mirrored():
    folded = np.asarray(reflect(ops.convert_to_tensor([-3.0, 0.0, 5.0, 12.0, 14.0]), 0.0, 10.0))
    np.testing.assert_allclose(folded, [3, 0, 5, 8, 6])


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_compression_loses_what_jpeg_loses(quality):
    size = (CANVAS_SIDE, CANVAS_SIDE)
    picture = np.asarray(Image.fromarray(face_picture()).resize(size), np.float32)
    buffer = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(buffer, "jpeg", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(buffer), np.float32)
    ours = np.asarray(compress(picture[None], treatment(compressed=1, quality=quality)))[0]
    lost = np.abs(expected - picture).mean()
    assert np.abs(ours - expected).mean() < 0.45 * lost


def test_quantisation_tables_are_those_of_libjpeg():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "jpeg", quality=75)
    written = np.array(Image.open(buffer).quantization[0]).reshape(8, 8)
    ours = np.asarray(quantisation_tables(ops.full((1,), 75.0), LUMINANCE_TABLE))[0]
    np.testing.assert_array_equal(ours, written)


def test_mixing_keeps_the_larger_part_of_each_picture(seed):
    pictures = np.arange(8, dtype=np.float32)[:, None, None, None] * np.ones((8, 4, 4, 3), np.float32)
    mixed, own = (np.asarray(part) for part in mix_up(pictures, 1.0, seed))
    assert (own >= 0.5).all() and (own <= 1).all()
    expected = own * np.arange(8) + (1 - own) * np.arange(8)[::-1]
    np.testing.assert_allclose(mixed[:, 0, 0, 0], expected, atol=1e-4)
    _, untouched = mix_up(pictures, 0.0, keras.random.SeedGenerator(1))
    assert (np.asarray(untouched) == 1).all()
