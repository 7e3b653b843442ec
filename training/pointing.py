"""Whether the logit map points at what was changed: the pointing game (Zhang et al., 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from backend.domain import Pixels
from backend.model.holder import LoadedModel
from training.augmentation import mean_pool
from training.dataset import Sample, capped
from training.faces import load_faces
from training.learning import change_masks
from training.network import MAP_SIDE
from training.self_blending import draw_masks, self_blend
from training.train import as_served

FACES = 300  # of each kind
PER_SOURCE = 50  # reals of a source that are blended with themselves
CHANGED = 0.5  # mean of the mask in a cell from which on it counts as changed


def pointing_game(samples: Sequence[Sample], model: LoadedModel) -> list[dict[str, Any]]:
    """A row for blends of held-back reals with themselves, and one for held-back pairs of real and fake.

    A hit is a map whose largest cell lies inside the true mask; chance is the mean share of cells inside it. A fake
    whose mask has no cell, or all of them, says nothing and is left out.
    """
    return [
        play("blended with themselves", *_blends(samples), model),
        play("dfdc pairs", *_pairs(samples), model),
    ]


def _blends(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    reals = capped([one for one in samples if not one.fake and not one.is_clip], PER_SOURCE, seed=0)[:FACES]
    faces = load_faces(reals, "reals")
    seed = keras.random.SeedGenerator(0)
    masks = draw_masks(ops.convert_to_tensor(faces.landmarks), seed)
    blended = self_blend(ops.cast(np.stack(faces.pictures), "float32"), masks, seed)
    return ops.convert_to_numpy(blended), ops.convert_to_numpy(masks)


def _pairs(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    originals = {one.pair: one for one in samples if one.pair and not one.fake}
    fakes = [one for one in capped(samples, FACES, seed=0) if one.fake and one.pair in originals]
    made, real = load_faces(fakes, "fakes"), load_faces([originals[one.pair] for one in fakes], "originals")
    pictures = np.stack(made.pictures).astype(np.float32)
    return pictures, ops.convert_to_numpy(change_masks(np.stack(real.pictures).astype(np.float32), pictures))


def play(what: str, pictures: NDArray[np.float32], masks: NDArray[np.float32], model: LoadedModel) -> dict[str, Any]:
    """Play on stored pictures of fakes, (n, 288, 288, 3), 0 to 255, with true masks, (n, 288, 288, 1), 0 to 1."""
    crops: Pixels = np.stack([as_served(picture) for picture in np.clip(pictures.round(), 0, 255).astype(np.uint8)])
    served = np.stack([as_served((255 * mask).astype(np.uint8).repeat(3, axis=-1)) for mask in masks])[..., :1] / 255
    inside = ops.convert_to_numpy(mean_pool(served.astype(np.float32), served.shape[1] // MAP_SIDE))[..., 0] >= CHANGED
    scores = model.score(crops)
    peaks = np.array([int(np.argmax(score.logit_map)) for score in scores if score.logit_map is not None])
    telling = inside.any(axis=(1, 2)) & ~inside.all(axis=(1, 2))
    hits = inside.reshape(len(inside), -1)[np.arange(len(inside)), peaks][telling]
    return {
        "what": what,
        "faces": int(telling.sum()),
        "peak inside": round(float(hits.mean()), 4),
        "chance": round(float(inside[telling].mean()), 4),
    }
