from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import TrainingConfig
from training.sharpness import SharpnessAwareLearner, at_the_worst

CONFIG = TrainingConfig(sharpness_radius=0.1)
ONE_STEP_OF_EACH = """
import keras, numpy as np
from training.config import TrainingConfig
from training.train import learner_for

random = np.random.default_rng(0)
batch = {
    "pictures": random.integers(0, 256, (4, 288, 288, 3)).astype(np.uint8),
    "landmarks": np.full((4, 5, 2), 140, np.float32),
    "fake": np.array([0, 1, 0, 1], np.float32),
}
for radius in (0.0, 1.0):
    keras.utils.set_random_seed(0)
    picture = keras.Input((224, 224, 3))
    cells = keras.layers.AveragePooling2D(32)(keras.layers.Rescaling(1 / 255)(picture))
    logit_map = keras.layers.Conv2D(1, 1)(keras.layers.Dense(8, activation="tanh")(cells))
    probability = keras.layers.GlobalAveragePooling2D()(logit_map)
    config = TrainingConfig(pairs=1, self_blended=0, singles=2, sharpness_radius=radius)
    learner = learner_for(keras.Model(picture, [probability, logit_map]), config, [])
    learner.compile(optimizer=keras.optimizers.SGD(0.1))
    before = np.concatenate([np.ravel(weights) for weights in learner.network.get_weights()])
    learner.fit(batch, batch_size=4, epochs=1, shuffle=False, verbose=0)
    after = np.concatenate([np.ravel(weights) for weights in learner.network.get_weights()])
    print("step", *(float(value) for value in after - before))
"""


def loss_and_updates(variables, scale, *, offset):
    loss = scale * sum(jnp.sum(variable**4) for variable in variables) + offset
    return loss, {"loss": loss}


@given(st.lists(st.floats(-2, 2).filter(lambda value: abs(value) > 0.1), min_size=2, max_size=4), st.floats(0.01, 1.0))
def test_a_step_follows_the_gradient_a_radius_up_the_gradient(values, radius):
    variables = [jnp.array(values[:1]), jnp.array(values[1:])]
    there = jax.value_and_grad(at_the_worst(loss_and_updates, radius), has_aux=True)
    (loss, updates), gradients = there(variables, 0.5, offset=3.0)
    flat = np.array(values, np.float64)
    uphill = 2 * flat**3
    moved = flat + radius * uphill / np.linalg.norm(uphill)
    np.testing.assert_allclose(np.concatenate(gradients), 2 * moved**3, rtol=1e-3, atol=1e-4)
    assert float(loss) == pytest.approx(0.5 * np.sum(moved**4) + 3, rel=1e-3)
    assert float(updates["loss"]) == pytest.approx(0.5 * np.sum(flat**4) + 3, rel=1e-3)


def test_where_the_ground_is_level_a_step_stays():
    variables = [jnp.zeros(3)]
    (loss, _), gradients = jax.value_and_grad(at_the_worst(loss_and_updates, 0.5), has_aux=True)(
        variables, 1.0, offset=0.0
    )
    assert float(loss) == 0 and not np.any(gradients[0])


def test_another_backend_than_jax_is_refused_in_words():
    assert keras.backend.backend() == "tensorflow"
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        SharpnessAwareLearner(keras.Sequential(), CONFIG)


def test_a_radius_that_is_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="radius"):
        replace(CONFIG, sharpness_radius=-0.1)


def test_on_jax_a_radius_turns_the_step():
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", ONE_STEP_OF_EACH], env=environment, capture_output=True, text=True, check=True
    )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("step")]
    plain, sharp = np.array(lines, np.float64)
    assert np.abs(plain).max() > 0 and np.abs(sharp).max() > 0
    assert plain @ sharp > 0  # downhill still
    assert np.abs(sharp - plain).max() > 0.05 * np.abs(plain).max()
