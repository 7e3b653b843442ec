from __future__ import annotations

import numpy as np

from training.transplanting import align, match_colours, transplant

POINTS = np.array([[100, 110], [180, 110], [140, 150], [110, 190], [170, 190]], np.float32)


def moved(points: np.ndarray, turn: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    return ((points - 144) @ matrix + 144 + shift).astype(np.float32)


def with_spots(points: np.ndarray) -> np.ndarray:
    """A grey picture with a bright spot at each point."""
    y, x = np.mgrid[:288, :288] + 0.5
    distance = np.hypot(x[..., None] - points[:, 0], y[..., None] - points[:, 1]).min(axis=-1)
    return np.repeat(np.where(distance < 6, 250.0, 60.0)[..., None], 3, axis=-1).astype(np.float32)


def test_an_aligned_donor_s_landmarks_lie_where_the_other_face_s_do():
    for turn, scale, shift in ((0.3, 1.0, (5, -9)), (-0.2, 0.8, (-12, 4)), (0.0, 1.25, (0, 0))):
        donor = moved(POINTS, turn, scale, shift)
        aligned = np.asarray(align(with_spots(donor)[None], donor[None], POINTS[None]))[0]
        assert all(aligned[round(y), round(x)].min() > 200 for x, y in POINTS)
        assert aligned[20:60, 20:60].max() < 80


def test_a_donor_takes_on_the_colours_inside_the_mask():
    random = np.random.default_rng(0)
    donor = random.normal(90, 10, (1, 288, 288, 3)).astype(np.float32)
    wanted = random.normal((150, 120, 80), 15, (1, 288, 288, 3)).astype(np.float32)
    mask = np.zeros((1, 288, 288, 1), np.float32)
    mask[:, 80:200, 80:200] = 1
    inside = np.asarray(match_colours(donor, wanted, mask))[0, 80:200, 80:200]
    np.testing.assert_allclose(inside.mean(axis=(0, 1)), (150, 120, 80), atol=1)
    np.testing.assert_allclose(inside.std(axis=(0, 1)), 15, atol=1)


def test_a_face_gets_a_part_of_the_one_before_it_and_stays_itself_elsewhere(seed):
    pictures = np.stack([np.full((288, 288, 3), level, np.float32) for level in (40, 120, 200)])
    masks = np.zeros((3, 288, 288, 1), np.float32)
    masks[:, 100:200, 100:200] = 1
    pictures[:, 140:160, 140:160] += 30  # something for the colours to be measured on
    landmarks = np.repeat(POINTS[None], 3, axis=0)
    made = np.concatenate([np.asarray(transplant(pictures, landmarks, masks, seed)) for _ in range(8)])
    originals = np.tile(pictures, (8, 1, 1, 1))
    outside = np.ones((288, 288), bool)
    outside[100:200, 100:200] = False
    np.testing.assert_array_equal(made[:, outside], originals[:, outside])
    change = np.abs(made - originals)[:, 100:135, 100:135].mean(axis=(1, 2, 3))
    assert (change > 40).any() and (change < 10).any()  # as the donor's colours are left or matched
