"""Fakes that are real pictures as the autoencoder of a diffusion model gives them back.

Rajan et al., "Aligned Datasets Improve Detection of Latent Diffusion-Generated Images", ICLR 2025: original and fake
show the same, so that what tells them apart are the traces of the decoder, which pictures from noise carry as well.
"""

from __future__ import annotations

import keras
from keras import ops

from training.augmentation import STORED_SIDE, Tensor
from training.autoencoder import Autoencoder
from training.self_blending import draw_masks

SIDES = (112, 176, 232, 288)  # pixels of a stored picture while it is encoded, as faces are small or large in a picture
PART_SHARE = 0.5  # of the fakes are of the decoder in one part of the face only, as pictures filled in are
NOISY_SHARE = 0.5
LARGEST_NOISE = 0.35  # standard deviation, in those of the latents
POOR_SHARE = 0.4  # lose directions of their latents, since the autoencoders of other models keep less
DIRECTIONS_KEPT = (16.0, 32.0)  # of theirs


def reconstruct(
    pictures: Tensor, landmarks: Tensor, autoencoder: Autoencoder, seed: keras.random.SeedGenerator
) -> tuple[Tensor, Tensor, Tensor]:
    """Shrink pictures and enlarge them again, with and without the autoencoder in between.

    Args:
        pictures: (n, 288, 288, 3) float32, 0 to 255.
        landmarks: (n, 5, 2) float32, x and y in pixels of the stored picture.
        autoencoder: what it encodes is made noisy, as what diffusion makes of noise is, and poorer.
        seed: of the draws.

    Returns:
        the originals, the fakes, and the masks (n, 288, 288, 1), 0 to 1, inside which the fakes are the decoder's.
    """
    count = pictures.shape[0]
    bounds = [count * place // len(SIDES) for place in range(len(SIDES) + 1)]
    shrunk = [
        ops.clip(ops.image.resize(pictures[start:end], (side, side), antialias=True), 0, 255)
        for side, start, end in zip(SIDES, bounds[:-1], bounds[1:], strict=True)
        if start < end
    ]
    originals = ops.concatenate([_enlarge(some) for some in shrunk])
    decoded = ops.concatenate([_enlarge(_reconstruct(some, autoencoder, seed)) for some in shrunk])
    whole = keras.random.uniform((count, 1, 1, 1), seed=seed) >= PART_SHARE
    masks = ops.where(whole, 1.0, draw_masks(landmarks, seed))
    return originals, originals + masks * (decoded - originals), masks


def _enlarge(pictures: Tensor) -> Tensor:
    return ops.image.resize(pictures, (STORED_SIDE, STORED_SIDE))


def _reconstruct(pictures: Tensor, autoencoder: Autoencoder, seed: keras.random.SeedGenerator) -> Tensor:
    latents = ops.cast(autoencoder.encoder(pictures / 255, training=False), "float32")
    decoded = ops.cast(autoencoder.decoder(_spoil(latents, seed), training=False), "float32")
    return ops.clip(ops.round(255 * decoded), 0, 255)


def _spoil(latents: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Lay noise on some and leave others only those directions in which most of them differ."""

    def sometimes(share: float, low: float, high: float, otherwise: float) -> Tensor:
        drawn = keras.random.uniform((latents.shape[0], 1, 1, 1), low, high, seed=seed)
        return ops.where(keras.random.uniform(drawn.shape, seed=seed) < share, drawn, otherwise)

    channels = latents.shape[-1]
    mean = ops.mean(latents, axis=(0, 1, 2))
    centred = latents - mean
    flat = ops.reshape(centred, (-1, channels))
    _, directions = ops.linalg.eigh(ops.matmul(ops.transpose(flat), flat))  # those of least variance first
    lost = channels - sometimes(POOR_SHARE, *DIRECTIONS_KEPT, channels)
    kept = ops.matmul(centred, directions) * ops.cast(ops.arange(channels, dtype="float32") >= lost, "float32")
    poorer = mean + ops.matmul(kept, ops.transpose(directions))
    noise = keras.random.normal(ops.shape(latents), seed=seed) * ops.std(latents, axis=(0, 1, 2))
    return poorer + noise * sometimes(NOISY_SHARE, 0.0, LARGEST_NOISE, 0.0)
