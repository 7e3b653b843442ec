"""Steps that look for flat ground: Foret et al., "Sharpness-Aware Minimization" (2021), on the JAX backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from training.augmentation import Tensor
from training.config import TrainingConfig
from training.learning import Learner

LEAST_NORM = 1e-12  # of a gradient that is divided by it

LossAndUpdates = Callable[..., tuple[Tensor, Any]]


class SharpnessAwareLearner(Learner):
    """A learner whose steps follow the gradient that its batch has at the worst weights in the neighbourhood."""

    def __init__(self, network: keras.Model, config: TrainingConfig, *helpers: Any) -> None:
        if keras.backend.backend() != "jax":
            raise ValueError("sharpness-aware steps need Keras' JAX backend: KERAS_BACKEND=jax")
        super().__init__(network, config, *helpers)
        self._radius = config.sharpness_radius

    def compute_loss_and_updates(
        self, trainable_variables: list[Tensor], *state: Any, **options: Any
    ) -> tuple[Tensor, Any]:
        """What Keras differentiates for a step."""
        return at_the_worst(super().compute_loss_and_updates, self._radius)(trainable_variables, *state, **options)


def at_the_worst(loss_and_updates: LossAndUpdates, radius: float) -> LossAndUpdates:
    """A loss of weights to that of the worst ones so far around them, by the first order; updates stay as they were.

    Both are asked with the same state, so that a loss that draws at random draws the same. The weights' way to the
    worst ones is taken as given: the gradient is that of the loss there.
    """

    def loss_and_updates_there(variables: list[Tensor], *state: Any, **options: Any) -> tuple[Tensor, Any]:
        here = jax.lax.stop_gradient(variables)
        gradients, updates = jax.grad(loss_and_updates, has_aux=True)(here, *state, **options)
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
        step = radius / jnp.maximum(norm, LEAST_NORM)
        there = [variable + step * gradient for variable, gradient in zip(variables, gradients, strict=True)]
        return loss_and_updates(there, *state, **options)[0], updates

    return loss_and_updates_there
