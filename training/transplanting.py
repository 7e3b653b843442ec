"""Fakes made of two people: a part of one real face set into another, as composites by hand and face swaps are.

After Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020: two photographs and a blend need no
generator to learn from.
"""

from __future__ import annotations

import keras
from keras import ops

from training.augmentation import Tensor

OPACITIES = (0.8, 1.0)
SPREADS = (0.5, 2.0)  # by how much the donor's contrast is changed at the most, to match
MATCHED_SHARE = 0.8  # of the parts take on the colours of the face that they are set into


def transplant(pictures: Tensor, landmarks: Tensor, masks: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Set into each face, inside its mask, that part of the face before it in the batch.

    Args:
        pictures: (n, 288, 288, 3) float32, 0 to 255.
        landmarks: (n, 5, 2) float32, x and y in pixels of the stored picture.
        masks: (n, 288, 288, 1), 0 to 1.
        seed: of the draws.
    """
    count = pictures.shape[0]
    donors = align(ops.roll(pictures, 1, axis=0), ops.roll(landmarks, 1, axis=0), landmarks)
    matched = keras.random.uniform((count, 1, 1, 1), seed=seed) < MATCHED_SHARE
    donors = ops.where(matched, match_colours(donors, pictures, masks), donors)
    opacity = masks * keras.random.uniform((count, 1, 1, 1), *OPACITIES, seed=seed)
    return ops.clip(pictures + opacity * (donors - pictures), 0, 255)


def align(pictures: Tensor, landmarks: Tensor, wanted: Tensor) -> Tensor:
    """Turn, scale and shift pictures so that their landmarks, (n, 5, 2), come nearest to those wanted."""
    middle, wanted_middle = ops.mean(landmarks, axis=1), ops.mean(wanted, axis=1)
    x, y = ops.unstack(landmarks - middle[:, None], axis=-1)
    wanted_x, wanted_y = ops.unstack(wanted - wanted_middle[:, None], axis=-1)
    # Least squares of a similarity that leads from each new pixel to the old one (Umeyama, 1991).
    size = ops.maximum(ops.sum(wanted_x**2 + wanted_y**2, axis=1), 1.0)
    along = ops.sum(wanted_x * x + wanted_y * y, axis=1) / size
    across = ops.sum(wanted_x * y - wanted_y * x, axis=1) / size
    shift_x = middle[:, 0] - along * wanted_middle[:, 0] + across * wanted_middle[:, 1]
    shift_y = middle[:, 1] - across * wanted_middle[:, 0] - along * wanted_middle[:, 1]
    none = ops.zeros_like(along)
    transform = ops.stack([along, -across, shift_x, across, along, shift_y, none, none], axis=1)
    return ops.image.affine_transform(
        pictures, transform, interpolation="bilinear", fill_mode="reflect", data_format="channels_last"
    )


def match_colours(pictures: Tensor, wanted: Tensor, masks: Tensor) -> Tensor:
    """Give each colour channel the mean and the spread, inside the mask, of the pictures wanted."""
    weights = masks / ops.maximum(ops.sum(masks, axis=(1, 2), keepdims=True), 1.0)

    def level_and_spread(some: Tensor) -> tuple[Tensor, Tensor]:
        mean = ops.sum(some * weights, axis=(1, 2), keepdims=True)
        variance = ops.sum((some - mean) ** 2 * weights, axis=(1, 2), keepdims=True)
        return mean, ops.sqrt(variance + 1.0)

    mean, spread = level_and_spread(pictures)
    wanted_mean, wanted_spread = level_and_spread(wanted)
    return (pictures - mean) * ops.clip(wanted_spread / spread, *SPREADS) + wanted_mean
