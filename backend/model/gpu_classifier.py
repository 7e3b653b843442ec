"""Keras on GPUs: batches filled across requests, one network on each GPU."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE, Pixels
from backend.model.batching import BATCH_SIZES, Answer, Batcher
from backend.model.classifier import LOGIT_TOLERANCE, logits_of
from backend.model.device_network import DeviceNetwork
from backend.model.golden import golden_crops

logger = logging.getLogger(__name__)

HALF_LOGIT_TOLERANCE = 1e-2  # to float32 on the same GPU; beyond, half precision is not used


class GpuClassifier:
    """A Keras model file behind the interface `Classifier`, warm for every batch size.

    Args:
        path: the model file; see `KerasNetwork`.
        fake_index: which output of a softmax of two means fake.
        devices: GPUs as Keras calls them, at least one.
        reduced_precision: compute in half precision, if the golden crops' logits stay within the tolerance.
        sizes: numbers of crops that a batch may have, rising.
    """

    def __init__(
        self,
        path: Path,
        fake_index: int,
        devices: Sequence[str],
        reduced_precision: bool,
        sizes: Sequence[int] = BATCH_SIZES,
    ) -> None:
        half = reduced_precision
        self.networks = [DeviceNetwork(path, fake_index, device, half) for device in devices]
        if half and not _is_near(self.networks[0], DeviceNetwork(path, fake_index, devices[0], half=False)):
            half = False
            self.networks = [DeviceNetwork(path, fake_index, device, half) for device in devices]
        self.logit_tolerance = HALF_LOGIT_TOLERANCE if half else LOGIT_TOLERANCE
        for network in self.networks:
            for size in sizes:
                judge(network, np.zeros((size, CROP_SIDE, CROP_SIDE, 3), np.uint8))
        self._batcher = Batcher(self.networks, sizes)
        logger.info("judging on GPUs", extra={"gpus": len(devices), "half_precision": half})

    @property
    def failed(self) -> bool:
        """Whether no GPU is left; see `Batcher`."""
        return self._batcher.failed

    def predict(self, crops: Pixels) -> Answer:
        """Judge (n, 224, 224, 3) uint8 RGB crops; see `Classifier.predict`."""
        return self._batcher.predict(crops)


def judge(network: DeviceNetwork, crops: Pixels) -> Answer:
    """Judge one batch and wait for the answer."""
    return network.fetch(network.run(network.put(crops)), len(crops))


def _is_near(half: DeviceNetwork, exact: DeviceNetwork) -> bool:
    """Whether half precision gives the golden crops nearly the logits that float32 gives them."""
    worst = float(np.abs(_golden_logits(half) - _golden_logits(exact)).max())
    if not worst <= HALF_LOGIT_TOLERANCE:
        logger.warning("half precision is too coarse for this model", extra={"logit_difference": worst})
    return worst <= HALF_LOGIT_TOLERANCE


def _golden_logits(network: DeviceNetwork) -> NDArray[np.float64]:
    probabilities, maps = judge(network, golden_crops())
    return logits_of(probabilities) if maps is None else maps.mean(axis=(1, 2), dtype=np.float64)
