from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.augmentation import STORED_SIDE
from training.coding import code, code_all
from training.dataset import Sample


@pytest.fixture
def picture() -> np.ndarray:
    """Soft shapes with some fine texture, as a face has them."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 216, (9, 9, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (STORED_SIDE, STORED_SIDE), interpolation=cv2.INTER_CUBIC)
    texture = cv2.GaussianBlur(random.normal(0, 24, (STORED_SIDE, STORED_SIDE, 1)).astype(np.float32), (0, 0), 1)
    return np.clip(smooth + texture[..., None], 0, 255).astype(np.uint8)


def loss(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def sample(name: str, fake: bool, pair: str = "") -> Sample:
    return Sample(Path(name), fake, "dfdc", "", "train", "group", pair=pair)


def test_a_coded_picture_keeps_its_size_and_what_it_shows(picture):
    coded = code(picture, STORED_SIDE, 18, (0.0, 0.0))
    assert coded.shape == picture.shape and coded.dtype == np.uint8
    assert loss(coded, picture) < 6


def test_a_picture_that_moved_comes_back_to_its_place(picture):
    moved = code(picture, STORED_SIDE, 18, (2.0, -1.5))
    still = code(picture, STORED_SIDE, 18, (0.0, 0.0))
    assert loss(moved, picture) < 1.5 * loss(still, picture)


def test_more_is_lost_at_a_higher_rate_factor_and_at_a_smaller_side(picture):
    losses = [
        loss(code(picture, side, factor, (1.0, 0.5)), picture) for side, factor in ((288, 20), (288, 40), (128, 40))
    ]
    assert losses == sorted(losses) and losses[0] < losses[1]


def test_real_and_fake_of_a_pair_are_coded_alike(picture):
    pair = (sample("real.jpg", False, "one"), sample("fake.jpg", True, "one"))
    first, second = code_all((picture, picture), pair, seed=3)
    np.testing.assert_array_equal(first, second)


def test_pictures_of_different_pairs_and_of_different_seeds_are_coded_differently(picture):
    samples = (sample("a.jpg", False, "one"), sample("b.jpg", False, "two"))
    first, second = code_all((picture, picture), samples, seed=3)
    (other,) = code_all((picture,), (samples[0],), seed=4)
    assert (first != second).any() and (first != other).any()


def test_how_a_single_is_coded_does_not_depend_on_its_label(picture):
    single = sample("a.jpg", False)
    coded = code_all((picture, picture), (single, replace(single, fake=True)), seed=3)
    np.testing.assert_array_equal(*coded)
