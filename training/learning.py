"""One step of learning: a batch of stored pictures to a loss, on any Keras backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
from training.autoencoder import Autoencoder
from training.config import TrainingConfig
from training.network import MAP_SIDE
from training.reconstruction import reconstruct
from training.sampling import units
from training.self_blending import draw_masks, self_blend
from training.transplanting import transplant

CHANGED_SHARE = 0.5  # of the largest change between a pair: what changed more is counted as the face that was swapped


class Made(NamedTuple):
    """What a batch of n is judged by, once its fakes are made."""

    pictures: Tensor  # (n, 288, 288, 3) float32, 0 to 255
    masks: Tensor  # (n, 288, 288, 1), 1 where a fake is known not to be its original
    fake: Tensor  # (n,), 0 or 1
    known_to_teachers: Tensor  # (n,), 0 for a kind of fake that no teacher has learned from, else 1


class Learner(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The network, with what is done to its pictures while it learns. Made for `fit` alone."""

    def __init__(
        self,
        network: keras.Model,
        config: TrainingConfig,
        teachers: Sequence[keras.Model] = (),
        autoencoder: Autoencoder | None = None,
    ) -> None:
        if config.reconstructed and autoencoder is None:
            raise ValueError("the configuration wants reconstructed pictures, and there is no autoencoder")
        super().__init__(name="learner", dtype="float32")
        self.network = network
        self.teachers = list(teachers)
        for teacher in self.teachers:
            teacher.trainable = False
        self._autoencoder = autoencoder
        self._config = config
        self._units = units(config)
        self._seed = keras.random.SeedGenerator(config.seed)

    def call(self, batch: dict[str, Tensor], training: bool = True) -> dict[str, Tensor]:
        """Make fakes, treat and judge a batch of `BatchSampler`; gives what `compute_loss` takes."""
        config = self._config
        # Shapes are told anew, since some backends do not know the size of a batch beforehand.
        pictures = ops.reshape(ops.cast(batch["pictures"], "float32"), (config.batch, STORED_SIDE, STORED_SIDE, 3))
        landmarks = ops.reshape(batch["landmarks"], (config.batch, 5, 2))
        fake = ops.reshape(ops.cast(batch["fake"], "float32"), (config.batch,))
        made = self._make_fakes(pictures, landmarks, fake)

        drawn_treatment = draw_treatment(config.doubles + config.singles, self._seed)
        treatment = share_treatment(drawn_treatment, ops.convert_to_tensor(self._units))
        cells = treat_masks(made.masks, treatment, MAP_SIDE)
        treated, own = mix_up(treat(made.pictures, treatment, self._seed), config.mixed_up, self._seed)
        _, logit_map = self.network(treated, training=training)
        unmixed = ops.cast(own == 1, "float32")[:, None, None, None]
        known = ops.where(made.fake[:, None, None, None] > 0, cells, 1.0)
        return {
            "logit_map": ops.cast(logit_map, "float32"),
            "taught": self._taught(treated) if self.teachers else ops.zeros_like(cells),
            "taught_weight": made.known_to_teachers,
            "target": own * made.fake + (1 - own) * ops.flip(made.fake),
            "cell_target": made.fake[:, None, None, None] * ops.ones_like(cells),
            "cell_weight": known * unmixed * visible_cells(treatment, MAP_SIDE),
        }

    def _make_fakes(self, pictures: Tensor, landmarks: Tensor, fake: Tensor) -> Made:
        """Fakes in the places that a batch keeps for them, each beside the real picture that it was made of."""
        config = self._config
        paired = 2 * config.pairs
        reconstructed = paired + 2 * config.reconstructed
        doubled = reconstructed + 2 * config.self_blended
        parts = []
        if config.pairs:
            originals, fakes = pictures[:paired:2], pictures[1:paired:2]
            parts.append(beside(originals, fakes, change_masks(originals, fakes), ops.ones((config.pairs,))))
        if config.reconstructed and self._autoencoder:
            originals, points = pictures[paired:reconstructed:2], landmarks[paired:reconstructed:2]
            made = reconstruct(originals, points, self._autoencoder, self._seed)
            parts.append(beside(*made, ops.zeros((config.reconstructed,))))
        if config.self_blended:
            originals = pictures[reconstructed:doubled:2]
            parts.append(beside(originals, *self._blend(originals, landmarks[reconstructed:doubled:2])))
        singles = pictures[doubled:]
        parts.append(Made(singles, ops.zeros_like(singles[..., :1]), fake[doubled:], ops.ones((config.singles,))))
        return Made(*(ops.concatenate(values) for values in zip(*parts, strict=True)))

    def _blend(self, originals: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fakes made of real pictures, their masks, and (n,) 0 where a part of another face was set in, else 1."""
        masks = draw_masks(landmarks, self._seed)
        fakes = self_blend(originals, masks, self._seed)
        count = originals.shape[0]
        if not self._config.transplanted_share:
            return fakes, masks, ops.ones((count,))
        chosen = keras.random.uniform((count,), seed=self._seed) < self._config.transplanted_share
        others = transplant(originals, landmarks, masks, self._seed)
        return ops.where(chosen[:, None, None, None], others, fakes), masks, 1 - ops.cast(chosen, "float32")

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
        the Knowledge in a Neural Network", 2015), all cells follow theirs as well, but for transplants and what an
        autoencoder gave back: no teacher has learned from such.
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


def beside(originals: Tensor, fakes: Tensor, masks: Tensor, known_to_teachers: Tensor) -> Made:
    """Real pictures and the n fakes made of them, in turns; of the originals teachers know all."""
    count = originals.shape[0]
    zeros, ones = ops.zeros((count,)), ops.ones((count,))
    return Made(
        alternate(originals, fakes),
        alternate(ops.zeros_like(masks), masks),
        alternate(zeros, ones),
        alternate(ones, known_to_teachers),
    )


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
