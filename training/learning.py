"""One step of learning: a batch of stored pictures to a loss, on any Keras backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from training.augmentation import (
    STORED_SIDE,
    Tensor,
    draw_treatment,
    mean_pool,
    mix_up,
    share_treatment,
    treat,
    treat_masks,
    visible_cells,
)
from training.config import TrainingConfig
from training.network import MAP_SIDE
from training.sampling import units
from training.self_blending import draw_masks, self_blend
from training.transplanting import transplant

CHANGED_SHARE = 0.5  # of the largest change between a pair: what changed more is counted as the face that was swapped


class Learner(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The network, with what is done to its pictures while it learns. Made for `fit` alone."""

    def __init__(self, network: keras.Model, config: TrainingConfig, teachers: Sequence[keras.Model] = ()) -> None:
        super().__init__(name="learner", dtype="float32")
        self.network = network
        self.teachers = list(teachers)
        for teacher in self.teachers:
            teacher.trainable = False
        self._config = config
        self._units = units(config)
        self._seed = keras.random.SeedGenerator(config.seed)

    def call(self, batch: dict[str, Tensor], training: bool = True) -> dict[str, Tensor]:
        """Blend, treat and judge a batch of `BatchSampler`; gives what `compute_loss` takes."""
        config = self._config
        # Shapes are told anew, since some backends do not know the size of a batch beforehand.
        pictures = ops.reshape(ops.cast(batch["pictures"], "float32"), (config.batch, STORED_SIDE, STORED_SIDE, 3))
        landmarks = ops.reshape(batch["landmarks"], (config.batch, 5, 2))
        fake = ops.reshape(ops.cast(batch["fake"], "float32"), (config.batch,))
        paired, doubled = 2 * config.pairs, 2 * (config.pairs + config.self_blended)

        masks = ops.zeros_like(pictures[..., :1])
        unknown_to_teachers = ops.zeros((config.batch,))
        if config.pairs:
            changed = change_masks(pictures[:paired:2], pictures[1:paired:2])
            masks = ops.concatenate([alternate(ops.zeros_like(changed), changed), masks[paired:]])
        if config.self_blended:
            originals = pictures[paired:doubled:2]
            fakes, drawn, transplanted = self._blend(originals, landmarks[paired:doubled:2])
            blended = alternate(originals, fakes)
            pictures = ops.concatenate([pictures[:paired], blended, pictures[doubled:]])
            masks = ops.concatenate([masks[:paired], alternate(ops.zeros_like(drawn), drawn), masks[doubled:]])
            labels = alternate(ops.zeros((config.self_blended,)), ops.ones((config.self_blended,)))
            fake = ops.concatenate([fake[:paired], labels, fake[doubled:]])
            parts = alternate(ops.zeros((config.self_blended,)), transplanted)
            unknown_to_teachers = ops.concatenate([unknown_to_teachers[:paired], parts, unknown_to_teachers[doubled:]])

        drawn_treatment = draw_treatment(config.pairs + config.self_blended + config.singles, self._seed)
        treatment = share_treatment(drawn_treatment, ops.convert_to_tensor(self._units))
        cells = treat_masks(masks, treatment, MAP_SIDE)
        treated, own = mix_up(treat(pictures, treatment, self._seed), config.mixed_up, self._seed)
        _, logit_map = self.network(treated, training=training)
        unmixed = ops.cast(own == 1, "float32")[:, None, None, None]
        known = ops.where(fake[:, None, None, None] > 0, cells, 1.0)
        return {
            "logit_map": ops.cast(logit_map, "float32"),
            "taught": self._taught(treated) if self.teachers else ops.zeros_like(cells),
            "taught_weight": 1 - unknown_to_teachers,
            "target": own * fake + (1 - own) * ops.flip(fake),
            "cell_target": fake[:, None, None, None] * ops.ones_like(cells),
            "cell_weight": known * unmixed * visible_cells(treatment, MAP_SIDE),
        }

    def _blend(self, originals: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fakes made of real pictures, their masks, and (n,) 1 where a part of another face was set in."""
        masks = draw_masks(landmarks, self._seed)
        fakes = self_blend(originals, masks, self._seed)
        count = originals.shape[0]
        if not self._config.transplanted_share:
            return fakes, masks, ops.zeros((count,))
        chosen = keras.random.uniform((count,), seed=self._seed) < self._config.transplanted_share
        others = transplant(originals, landmarks, masks, self._seed)
        return ops.where(chosen[:, None, None, None], others, fakes), masks, ops.cast(chosen, "float32")

    def _taught(self, pictures: Tensor) -> Tensor:
        """The probabilities that the mean of the teachers' maps says, cell by cell."""
        maps = [ops.cast(teacher(pictures, training=False)[1], "float32") for teacher in self.teachers]
        return ops.stop_gradient(ops.sigmoid(ops.mean(ops.stack(maps), axis=0)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Cross entropy of the logits, and of the map's cells where it is known what they show.

        Every cell of a real picture shows what is real; of a fake one those inside its mask show what is fake, and
        the others are left alone, since their mean is the logit. Where there are teachers (Hinton et al., "Distilling
        the Knowledge in a Neural Network", 2015), all cells follow theirs as well, but for transplants: no teacher has
        learned from such.
        """
        smoothing = self._config.label_smoothing
        logits = ops.mean(y_pred["logit_map"], axis=(1, 2, 3))
        whole = ops.mean(cross_entropy(logits, y_pred["target"], smoothing))
        weights = y_pred["cell_weight"]
        cells = cross_entropy(y_pred["logit_map"], y_pred["cell_target"], smoothing) * weights
        share = self._config.map_share
        labelled = (1 - share) * whole + share * ops.sum(cells) / ops.maximum(ops.sum(weights), 1.0)
        if not self.teachers:
            return labelled
        distances = ops.mean(cross_entropy(y_pred["logit_map"], y_pred["taught"], 0.0), axis=(1, 2, 3))
        known = y_pred["taught_weight"]
        followed = ops.sum(distances * known) / ops.maximum(ops.sum(known), 1.0)
        return (1 - self._config.taught_share) * labelled + self._config.taught_share * followed


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Binary cross entropy of each logit, with targets drawn towards a half."""
    smooth = targets * (1 - smoothing) + smoothing / 2
    return ops.relu(logits) - logits * smooth + ops.log1p(ops.exp(-ops.abs(logits)))


def alternate(first: Tensor, second: Tensor) -> Tensor:
    """Two tensors of n to one of 2n, in turns."""
    return ops.reshape(ops.stack([first, second], axis=1), (-1, *first.shape[1:]))


def change_masks(originals: Tensor, fakes: Tensor) -> Tensor:
    """Where a fake differs from its original, (n, side, side, 3) to (n, side, side, 1), 0 to 1.

    Relative to the largest change, so that a pair of frames that do not quite match counts as changed all over.
    """
    side = originals.shape[1]
    cell = side // 16
    change = ops.mean(ops.abs(fakes - originals), axis=-1, keepdims=True)
    coarse = mean_pool(change, cell)
    largest = ops.max(coarse, axis=(1, 2, 3), keepdims=True)
    share = ops.clip(coarse / ops.maximum(CHANGED_SHARE * largest, 1e-3), 0, 1)
    return ops.repeat(ops.repeat(share, cell, axis=1), cell, axis=2)


def optimiser(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) with a running average of the weights; biases and norms do not decay."""
    made = keras.optimizers.AdamW(
        learning_rate=np.float32(config.learning_rate).item(),
        weight_decay=config.weight_decay,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=config.weights_memory,
        ema_overwrite_frequency=None,
    )
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made
