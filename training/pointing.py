"""Whether the logit map points at what was changed: the pointing game (Zhang et al., 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from backend.domain import Pixels
from backend.model.holder import LoadedModel
from training.augmentation import mean_pool
from training.dataset import Sample, capped
from training.edits import edit_mask, was_edited_in_part
from training.faces import load_faces
from training.learning import change_masks
from training.network import MAP_SIDE
from training.self_blending import draw_masks, self_blend
from training.train import as_served

FACES = 300  # of each kind
PER_SOURCE = 50  # reals of a source that are blended with themselves
CHANGED = 0.5  # mean of the mask in a cell from which on it counts as changed


@dataclass(frozen=True, eq=False)
class Masked:
    """Stored pictures of fakes, (n, 288, 288, 3), 0 to 255, their true masks, (n, 288, 288, 1), 0 to 1, and samples.

    `landmarks` is (n, 5, 2), in pixels of the stored pictures.
    """

    pictures: NDArray[np.float32]
    masks: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    samples: tuple[Sample, ...]

    def as_served(self) -> Pixels:
        """The network's inputs, (n, 224, 224, 3)."""
        return np.stack([as_served(picture) for picture in np.clip(self.pictures.round(), 0, 255).astype(np.uint8)])

    def cells_inside(self) -> NDArray[np.bool_]:
        """Which cells of the map lie inside the mask, (n, 7, 7)."""
        served = np.stack([as_served((255 * mask).astype(np.uint8).repeat(3, axis=-1)) for mask in self.masks])
        shares = mean_pool(served[..., :1].astype(np.float32) / 255, served.shape[1] // MAP_SIDE)
        return np.asarray(ops.convert_to_numpy(shares)[..., 0] >= CHANGED)


def pointing_game(samples: Sequence[Sample], model: LoadedModel) -> list[dict[str, Any]]:
    """A row for blends of held-back reals with themselves, and one for held-back pairs of real and fake.

    A hit is a map whose largest cell lies inside the true mask; chance is the mean share of cells inside it. A fake
    whose mask has no cell, or all of them, says nothing and is left out.
    """
    return [
        play("blended with themselves", blends(samples), model),
        play("dfdc pairs", pairs(samples, FACES), model),
    ]


def blends(samples: Sequence[Sample]) -> Masked:
    """Held-back reals blended with themselves."""
    reals = capped([one for one in samples if not one.fake and not one.is_clip], PER_SOURCE, seed=0)[:FACES]
    faces = load_faces(reals, "reals")
    seed = keras.random.SeedGenerator(0)
    masks = draw_masks(ops.convert_to_tensor(faces.landmarks), seed)
    blended = self_blend(ops.cast(np.stack(faces.pictures), "float32"), masks, seed)
    return Masked(ops.convert_to_numpy(blended), ops.convert_to_numpy(masks), faces.landmarks, faces.samples)


def pairs(samples: Sequence[Sample], most: int) -> Masked:
    """Held-back fakes whose originals are there, at most so many of a source."""
    originals = {one.pair: one for one in samples if one.pair and not one.fake}
    fakes = [one for one in capped(samples, most, seed=0) if one.fake and one.pair in originals]
    made, real = load_faces(fakes, "fakes"), load_faces([originals[one.pair] for one in fakes], "originals")
    pictures = np.stack(made.pictures).astype(np.float32)
    masks = ops.convert_to_numpy(change_masks(np.stack(real.pictures).astype(np.float32), pictures))
    return Masked(pictures, masks, made.landmarks, made.samples)


def edits(samples: Sequence[Sample]) -> Masked:
    """Held-back photographs of which parts, not all, were replaced by hand."""
    faces = load_faces([one for one in samples if was_edited_in_part(one)], "edits")
    masks = [edit_mask(sample, points) for sample, points in zip(faces.samples, faces.landmarks, strict=True)]
    return Masked(np.stack(faces.pictures).astype(np.float32), np.stack(masks), faces.landmarks, faces.samples)


def play(what: str, fakes: Masked, model: LoadedModel) -> dict[str, Any]:
    """Play on fakes with true masks."""
    inside = fakes.cells_inside()
    scores = model.score(fakes.as_served())
    peaks = np.array([int(np.argmax(score.logit_map)) for score in scores if score.logit_map is not None])
    telling = inside.any(axis=(1, 2)) & ~inside.all(axis=(1, 2))
    hits = inside.reshape(len(inside), -1)[np.arange(len(inside)), peaks][telling]
    return {
        "what": what,
        "faces": int(telling.sum()),
        "peak inside": round(float(hits.mean()), 4),
        "chance": round(float(inside[telling].mean()), 4),
    }
