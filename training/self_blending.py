"""Fakes made of one real picture and itself.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022: what remains to be seen is the blend,
whichever generator it is that fakes are made with.
"""

from __future__ import annotations

import math

import keras
from keras import ops

from training.augmentation import (
    LUMA,
    STORED_SIDE,
    Tensor,
    reflect,
    resample,
    resampling_matrix,
)

WHOLE_FACE_SHARE = 0.6  # the rest is blended around the mouth (as lip sync does) or around the eyes
WIDTHS = (0.85, 1.3)  # half axis across, in distances of the eyes
HEIGHTS = (1.0, 1.6)  # half axis along the face, in distances from the eyes to the mouth
PART_HEIGHTS = (0.45, 0.9)
ROUNDNESS = (2.0, 5.0)  # exponent of the superellipse
SOFTNESS = (0.03, 0.25)  # of the half axes, over which the blend fades
WOBBLE = 0.12  # standard deviation of the outline's displacement, in half axes
WOBBLE_CELLS = 6
STRENGTHS = (0.35, 1.0)  # opacity of the blend; the paper's reach from 0.25
LARGEST_MOVE = 0.02  # of the stored side
GROWTHS = (0.97, 1.03)
BLURS = (1.0, 2.2)  # half width of the resampling triangle
BLURRED_SHARE = 0.5
GAINS = (0.85, 1.18)  # of each colour channel
OFFSET = 12.0  # levels
SATURATIONS = (0.75, 1.3)


def draw_masks(landmarks: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Draw soft masks on faces.

    Args:
        landmarks: (n, 5, 2) float32: eyes, nose, corners of the mouth, x and y in pixels of the stored picture.
        seed: of the draws.

    Returns:
        (n, 288, 288, 1) float32, 0 to 1.
    """
    count = landmarks.shape[0]

    def uniform(low: float, high: float) -> Tensor:
        return keras.random.uniform((count, 1, 1), low, high, seed=seed)

    eyes, mouth = ops.mean(landmarks[:, :2], axis=1), ops.mean(landmarks[:, 3:], axis=1)
    across = landmarks[:, 1] - landmarks[:, 0]
    eye_distance = ops.maximum(ops.norm(across, axis=-1), STORED_SIDE * 0.08)[:, None, None]
    face_length = ops.maximum(ops.norm(mouth - eyes, axis=-1), STORED_SIDE * 0.08)[:, None, None]
    angle = ops.arctan2(across[:, 1], across[:, 0])[:, None, None]

    whole = uniform(0, 1) < WHOLE_FACE_SHARE
    at_mouth = uniform(0, 1) < 0.5
    down = ops.where(whole, 0.45, ops.where(at_mouth, 1.0, 0.0))
    centre = eyes[:, None, None, :] + down[..., None] * (mouth - eyes)[:, None, None, :]
    half_width = eye_distance * uniform(*WIDTHS)
    half_height = face_length * ops.where(whole, uniform(*HEIGHTS), uniform(*PART_HEIGHTS))

    grid = ops.arange(STORED_SIDE, dtype="float32") + 0.5
    x, y = grid[None, None, :] - centre[..., 0], grid[None, :, None] - centre[..., 1]
    turned_x = (x * ops.cos(angle) + y * ops.sin(angle)) / half_width
    turned_y = (y * ops.cos(angle) - x * ops.sin(angle)) / half_height
    power = uniform(*ROUNDNESS)
    radius = ops.power(
        ops.power(ops.abs(turned_x) + 1e-3, power) + ops.power(ops.abs(turned_y) + 1e-3, power), 1 / power
    )
    radius = radius + WOBBLE * _smooth_noise(count, seed)
    return ops.sigmoid((1 - radius) / uniform(*SOFTNESS) * 4)[..., None]


def self_blend(pictures: Tensor, masks: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Blend pictures with altered copies of themselves inside masks.

    Args:
        pictures: (n, 288, 288, 3) float32, 0 to 255.
        masks: (n, 288, 288, 1), 0 to 1.
        seed: of the draws.
    """
    count = pictures.shape[0]
    altered = _recolour(_move(pictures, seed), seed)
    inside = keras.random.uniform((count, 1, 1, 1), seed=seed) < 0.5
    foreground, background = ops.where(inside, altered, pictures), ops.where(inside, pictures, altered)
    opacity = masks * keras.random.uniform((count, 1, 1, 1), *STRENGTHS, seed=seed)
    return ops.clip(background + opacity * (foreground - background), 0, 255)


def _smooth_noise(count: int, seed: keras.random.SeedGenerator) -> Tensor:
    """A smooth random field, (n, 288, 288), standard deviation about 1 at its knots."""
    knots = keras.random.normal((count, WOBBLE_CELLS, WOBBLE_CELLS, 1), seed=seed)
    positions = (ops.arange(STORED_SIDE, dtype="float32") + 0.5) * (WOBBLE_CELLS / STORED_SIDE)
    matrix = resampling_matrix(ops.tile(positions[None], (count, 1)), ops.ones((count,)), WOBBLE_CELLS)
    return resample(knots, matrix, matrix)[..., 0]


def _move(pictures: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Shift, stretch and soften a little."""
    count = pictures.shape[0]

    def uniform(low: float, high: float) -> Tensor:
        return keras.random.uniform((count,), low, high, seed=seed)

    softness = ops.where(uniform(0, 1) < BLURRED_SHARE, uniform(*BLURS), 1.0)
    centres = ops.arange(STORED_SIDE, dtype="float32") + 0.5 - STORED_SIDE / 2

    def matrix() -> Tensor:
        growth = ops.exp(uniform(math.log(GROWTHS[0]), math.log(GROWTHS[1])))
        shift = uniform(-LARGEST_MOVE, LARGEST_MOVE) * STORED_SIDE
        positions = STORED_SIDE / 2 + shift[:, None] + centres * growth[:, None]
        inside = reflect(positions, ops.zeros_like(positions), ops.full_like(positions, STORED_SIDE))
        return resampling_matrix(inside, softness, STORED_SIDE)

    return resample(pictures, matrix(), matrix())


def _recolour(pictures: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Change the balance of colours, brightness and saturation."""
    count = pictures.shape[0]
    gains = keras.random.uniform((count, 1, 1, 3), *GAINS, seed=seed)
    offsets = keras.random.uniform((count, 1, 1, 3), -OFFSET, OFFSET, seed=seed)
    saturation = keras.random.uniform((count, 1, 1, 1), *SATURATIONS, seed=seed)
    changed = pictures * gains + offsets
    grey = ops.sum(changed * LUMA, axis=-1, keepdims=True)
    return ops.clip(grey + (changed - grey) * saturation, 0, 255)
