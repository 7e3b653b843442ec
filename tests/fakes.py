"""Stand-ins for the network and for devices, so that the service around them is tested in seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.domain import Calibration, Pixels
from backend.examination import Examination, Examined, examine_file, start_workers
from backend.model.holder import LoadedModel, ModelHolder
from backend.model.manifest import ErrorRates, Manifest, Rate

MANIFEST = Manifest(
    version="test-1",
    sha256="0" * 64,
    detector_sha256="0" * 64,
    detector_threshold=0.7,
    crop_margin=0.95,
    prior={"face_video": 0.5, "face_picture": 0.5},
    calibration={"face_video": Calibration(2.0, 0.0), "face_picture": Calibration(2.0, 0.0)},
    inconclusive={"face_video": (0.3, 0.7), "face_picture": (0.3, 0.7)},
    error_rates={
        basis: ErrorRates(Rate(0.05, 0.04, 0.06, 1000), Rate(0.1, 0.08, 0.12, 1000))
        for basis in ("face_video", "face_picture")
    },
    golden_logits=(0.0, 0.0, 0.0, 0.0),
    golden_tolerance=1e-3,
)


_workers = start_workers(2)


def examine_here(path: Path, examination: Examination) -> Iterator[Examined]:
    """Examine in this very process: nothing faked, nothing isolated."""
    return examine_file(path, examination, _workers)


class FakeClassifier:
    """Gives every crop the same logit, and the batches it was asked for away."""

    failed = False

    def __init__(self, logit: float = 2.0) -> None:
        self.logit = logit
        self.logit_tolerance = 0.0
        self.batches: list[int] = []

    def predict(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        self.batches.append(len(crops))
        maps = np.full((len(crops), 7, 7), self.logit, np.float32)
        return (1 / (1 + np.exp(-maps.mean(axis=(1, 2))))).astype(np.float32), maps


class ReadyModel(ModelHolder):
    """A holder whose model is there already."""

    def __init__(self, classifier: FakeClassifier, manifest: Manifest = MANIFEST) -> None:
        self._model = LoadedModel(classifier, manifest)


class AbsentModel(ModelHolder):
    """A holder whose model will never come."""

    def __init__(self, reason: str) -> None:
        self._model = None
        self._reason = reason


class MeanNetwork:
    """Answers with each crop's mean; notes the batches, and holds them back until it is let go."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.started = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def put(self, crops):
        self.batches.append(len(crops))
        self.started.set()
        return crops

    def run(self, crops):
        if crops.max() == 255:
            raise RuntimeError("the device failed")
        return crops.mean(axis=(1, 2, 3), dtype=np.float32)

    def fetch(self, answer, count):
        assert self.free.wait(10)
        return answer[:count], np.tile(answer[:count, None, None], (1, 7, 7))


class FailingNetwork(MeanNetwork):
    """Fails from the first batch on, where it is told to: when it is sent something, or when it should answer."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage

    def put(self, crops):
        super().put(crops)
        self.fail_at("put")
        return crops

    def run(self, crops):
        self.fail_at("run")
        return super().run(crops)

    def fetch(self, answer, count):
        answers = super().fetch(answer, count)
        self.fail_at("fetch")
        return answers

    def fail_at(self, stage: str) -> None:
        if stage == self.stage:
            raise RuntimeError("the device failed")
