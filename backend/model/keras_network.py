"""A Keras model file, checked to be a network that the service can use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE


class KerasNetwork:
    """A loaded model, and which of its outputs means what.

    Args:
        path: `.h5` or `.keras`, with one (224, 224, 3) input and either the outputs `probability` (n, 1) and
            `logit_map` (n, 7, 7, 1), or a single output of one sigmoid or a softmax of two.
        fake_index: which output of a softmax of two means fake.

    Raises:
        ValueError: it holds no such model, or one that wants to run code of its own; the text says which.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, fake_index: int) -> None:
        self.model = _load(path)
        self._fake_index = fake_index
        inputs = [tuple(one.shape)[1:] for one in self.model.inputs]
        if inputs != [(CROP_SIDE, CROP_SIDE, 3)]:
            raise ValueError(f"it takes inputs of shape {inputs}, not one of ({CROP_SIDE}, {CROP_SIDE}, 3)")
        self._names = list(self.model.output_names)
        self._has_map = {"probability", "logit_map"} <= set(self._names)
        outputs = [tuple(one.shape)[1:] for one in self.model.outputs]
        if not self._has_map and outputs not in ([(1,)], [(2,)]):
            raise ValueError(f"it gives outputs of shape {outputs}, not one probability or a softmax of two")

    def read(self, answer: Any, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Take the first crops' probabilities and maps from what the model answered; see `Classifier.predict`.

        Args:
            answer: the model's output, or a list of them.
            count: how many of the batch are crops; the others fill it up.
        """
        listed: Sequence[Any] = answer if isinstance(answer, list) else [answer]
        outputs = [np.asarray(output, np.float32)[:count] for output in listed]
        if self._has_map:
            named = dict(zip(self._names, outputs, strict=True))
            return named["probability"][:, 0], named["logit_map"][:, :, :, 0]
        return outputs[0][:, self._fake_index if outputs[0].shape[1] == 2 else 0], None


def import_keras() -> Any:
    """The package `keras`, only when it is needed; on TensorFlow unless KERAS_BACKEND says otherwise."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    return keras


def _load(path: Path) -> Any:
    """Load a model in safe mode, so that no code from the file runs."""
    keras = import_keras()
    load_model = _keras_2_load_model() if _is_keras_2(path) else keras.saving.load_model
    try:
        model = load_model(path, compile=False, safe_mode=True)
        # A Sequential model has no names of outputs, nor can it be converted.
        return keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
    except OSError:
        raise
    except Exception as error:  # Keras raises whatever its layers raise; all of it means the same here
        raise ValueError(f"Keras cannot load it ({type(error).__name__})") from error


def _is_keras_2(path: Path) -> bool:
    """Whether an HDF5 file was saved by Keras 2, whose files Keras 3 refuses."""
    if not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r") as file:
        return str(file.attrs.get("keras_version", "")).startswith("2.")


def _keras_2_load_model() -> Any:
    try:
        import tf_keras
    except ImportError as error:
        raise ValueError("it was saved by Keras 2: install tf_keras, or save it again with Keras 3") from error
    return tf_keras.models.load_model
