"""The reference runtime: Keras on TensorFlow."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend import metrics
from backend.domain import CROP_SIDE, Pixels
from backend.model.classifier import LOGIT_TOLERANCE
from backend.model.keras_network import KerasNetwork

BATCH = 16  # crops: every call is padded to this, so that the graph is traced for one shape only


class KerasClassifier:
    """A Keras model file behind the interface `Classifier`; see `KerasNetwork` for its arguments."""

    failed = False

    def __init__(self, path: Path, fake_index: int) -> None:
        self.logit_tolerance = LOGIT_TOLERANCE
        self._network = KerasNetwork(path, fake_index)
        self.model = self._network.model
        self._lock = threading.Lock()

    def predict(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Judge (n, 224, 224, 3) uint8 RGB crops; see `Classifier.predict`."""
        batches = [self._predict_batch(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]
        probabilities = np.concatenate([probability for probability, _ in batches])
        maps = [logit_map for _, logit_map in batches if logit_map is not None]
        return probabilities, np.concatenate(maps) if maps else None

    def _predict_batch(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        batch = np.zeros((BATCH, CROP_SIDE, CROP_SIDE, 3), np.float32)
        batch[: len(crops)] = crops
        metrics.NETWORK_BATCH.observe(len(crops))
        with self._lock:
            return self._network.read(self.model.predict_on_batch(batch), len(crops))
