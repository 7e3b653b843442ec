"""A Keras network compiled for one device, by whichever backend Keras runs on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain import Pixels
from backend.model.keras_network import KerasNetwork, import_keras

HALF = "mixed_float16"  # its 11 bits hold every 8 bit colour, bfloat16's 8 bits do not


class DeviceNetwork:
    """The network with its weights on a device; calls return before the device has worked, until `fetch` waits.

    Args:
        path: the model file; see `KerasNetwork`.
        fake_index: which output of a softmax of two means fake.
        device: as Keras calls it, such as `gpu:0`.
        half: compute in half precision, all but the first scaling and the last layers.

    Raises:
        ValueError: it cannot be run on a GPU; see also `KerasNetwork`.
    """

    def __init__(self, path: Path, fake_index: int, device: str, half: bool) -> None:
        keras = import_keras()

        self._device = device
        with keras.device(device):
            self._network = KerasNetwork(path, fake_index)
            model = self._network.model
            if not isinstance(model, keras.Model):
                raise ValueError(
                    "it was saved by Keras 2: on a GPU save it again with Keras 3, or set DETECTOR_DEVICE=cpu"
                )
            if half:
                _halve(model)
            self._trained = [variable.value for variable in model.trainable_variables]
            self._fixed = [variable.value for variable in model.non_trainable_variables]

        def answer(trained: Any, fixed: Any, crops: Any) -> Any:
            floats = keras.ops.cast(crops, "float32")
            return model.stateless_call(trained, fixed, floats, training=False)[0]

        self._answer = _compiled(answer)

    def put(self, crops: Pixels) -> Any:
        """Send (n, 224, 224, 3) uint8 RGB crops to the device."""
        keras = import_keras()

        with keras.device(self._device):
            return keras.ops.convert_to_tensor(crops)

    def run(self, crops: Any) -> Any:
        """Judge what `put` has sent; each n is compiled once."""
        keras = import_keras()

        with keras.device(self._device):
            return self._answer(self._trained, self._fixed, crops)

    def fetch(self, answer: Any, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Wait for what `run` gave, and take the answers to the first `count` crops; see `Classifier.predict`."""
        keras = import_keras()

        return self._network.read(keras.tree.map_structure(keras.ops.convert_to_numpy, answer), count)


def find_gpus() -> list[str]:
    """The GPUs that Keras' backend can use, as Keras calls them."""
    keras = import_keras()

    try:
        return list(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # JAX's way to say that there is none
        return []


def _halve(model: Any) -> None:
    """Let all layers compute in half precision, but those that scale colours and those that give the answer."""
    keras = import_keras()

    exact = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.InputLayer)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _halve(layer)
        elif not isinstance(layer, exact) and layer.name not in model.output_names:
            layer.dtype_policy = keras.dtype_policies.get(HALF)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a graph: Keras has no word for it that all of its backends know."""
    keras = import_keras()

    if keras.backend.backend() == "jax":
        import jax

        compiled: Callable[..., Any] = jax.jit(function)
    else:
        import tensorflow

        compiled = tensorflow.function(function)
    return compiled
