"""Training: `python -m training.train --data DIR [DIR ...] --weights START.weights.h5 --out RUN`.

On whichever backend KERAS_BACKEND names (jax or tensorflow), on a GPU in bfloat16 where there is one. An interrupted
run goes on from its last epoch when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from backend.domain import CROP_SIDE, Box, Pixels
from backend.faces.cropping import cut
from training.augmentation import STORED_MARGIN, STORED_SIDE
from training.autoencoder import Autoencoder, load_autoencoder
from training.coding import code_all
from training.config import CROP_MARGIN, TrainingConfig, read_config, write_config
from training.dataset import capped, read_folders, split
from training.faces import FaceSet, load_faces
from training.learning import Learner, optimiser
from training.metrics import Judged, area
from training.network import load_network
from training.sampling import BatchSampler

VALIDATION_FILES = 150  # of each source and label, while training
VALIDATION_BATCH = 256
LOADERS = 4  # threads that put batches together
MOST_EPOCHS = 10_000  # the minutes end a run


class TimedCosine(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """A rise and a cosine fall (Loshchilov and Hutter, 2017) of the learning rate by elapsed time; then the end.

    The time spent is kept in a file, so that an interrupted run goes on where it was.
    """

    def __init__(self, config: TrainingConfig, progress: Path) -> None:
        super().__init__()
        self._config = config
        self._progress = progress
        self._spent = json.loads(progress.read_text())["seconds"] if progress.is_file() else 0.0
        self._last: float | None = None

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Set the rate for one epoch."""
        done = self._spent / (60 * self._config.minutes)
        rate = self._config.learning_rate * learning_share(done, self._config.warm_up)
        self.model.optimizer.learning_rate = rate

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Begin to count after the first step, which compiles."""
        if self._last is None:
            self._last = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Count the epoch, and end the run when its minutes are over."""
        now = time.monotonic()
        self._spent += now - (self._last or now)
        self._last = now
        self._progress.write_text(json.dumps({"seconds": self._spent}))
        if self._spent >= 60 * self._config.minutes:
            self.model.stop_training = True


class Journal(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps the averaged weights of every epoch, and writes down what validation says of them, source by source."""

    def __init__(self, run: Path, validation: FaceSet) -> None:
        super().__init__()
        self._run = run
        self._validation = validation
        self._crops = np.stack([as_served(picture) for picture in validation.pictures])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save and measure."""
        network = self.model.network
        network.save_weights(self._run / f"epoch_{epoch:03}.weights.h5")
        _, maps = network.predict(self._crops, batch_size=VALIDATION_BATCH, verbose=0)
        figures = by_source(self._validation, maps.mean(axis=(1, 2, 3)))
        entry = {"epoch": epoch, **(logs or {}), "validation": figures}
        with (self._run / "journal.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        print("\n" + " ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)


def learning_share(done: float, warm_up: float) -> float:
    """The share of the peak learning rate after a share of the run is done."""
    if done < warm_up:
        return (done + 0.1 * warm_up) / (1.1 * warm_up)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm_up) / (1 - warm_up))))


def as_served(picture: Pixels) -> Pixels:
    """The network's input as the service would cut it, from a stored picture."""
    side = round(STORED_SIDE * CROP_MARGIN / STORED_MARGIN)
    start = (STORED_SIDE - side) // 2
    return cut(picture, Box(start, start, side, side), CROP_SIDE)


def by_source(faces: FaceSet, logits: np.ndarray) -> dict[str, float]:
    """For each source its AUC where it has both labels, and for each source of one label the median of its logit."""
    figures: dict[str, float] = {}
    judged = Judged(logits.astype(np.float64), faces.fake, faces.sources, faces.sources)
    for source in np.unique(judged.sources):
        one = judged.where(judged.sources == source)
        both = one.fake.any() and not one.fake.all()
        figures[str(source)] = round(area(one) if both else float(np.median(one.logits)), 4)
    return figures


def train(
    data: Sequence[Path],
    weights: Path,
    run: Path,
    config: TrainingConfig,
    teachers: Sequence[Path] = (),
    autoencoder: Sequence[Path] = (),
) -> None:
    """Read folders and train on them; see `fit`."""
    training, validation = split(read_folders(data))
    held_back = load_faces(capped(validation, VALIDATION_FILES, 0), "validation")
    faces = load_faces(training, "training")
    if config.coded_share:
        faces = replace(faces, coded=code_all(faces.pictures, faces.samples, config.seed))
    fit(faces, held_back, weights, run, config, teachers, autoencoder)


def fit(
    faces: FaceSet,
    held_back: FaceSet,
    weights: Path,
    run: Path,
    config: TrainingConfig,
    teachers: Sequence[Path] = (),
    autoencoder: Sequence[Path] = (),
) -> None:
    """Train, leaving in `run` the configuration, a journal and the averaged weights of every epoch.

    `autoencoder` names the files of its encoder and its decoder, or none.
    """
    run.mkdir(parents=True, exist_ok=True)
    write_config(config, run / "config.json")
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if on_accelerator() else "float32")
    learner = learner_for(
        load_network(weights),
        config,
        [load_network(teacher) for teacher in teachers],
        load_autoencoder(*autoencoder) if autoencoder else None,
    )
    learner.compile(optimizer=optimiser(config))
    learner.fit(
        BatchSampler(faces, config, workers=LOADERS, max_queue_size=2 * LOADERS),
        epochs=MOST_EPOCHS,
        callbacks=[
            keras.callbacks.BackupAndRestore(run / "backup"),
            TimedCosine(config, run / "progress.json"),
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            Journal(run, held_back),
        ],
    )


def learner_for(
    network: keras.Model,
    config: TrainingConfig,
    teachers: Sequence[keras.Model] = (),
    autoencoder: Autoencoder | None = None,
) -> Learner:
    """The learner that takes a configuration's kind of steps."""
    if not config.sharpness_radius:
        return Learner(network, config, teachers, autoencoder)
    from training.sharpness import SharpnessAwareLearner  # since other backends need no JAX

    return SharpnessAwareLearner(network, config, teachers, autoencoder)


def on_accelerator() -> bool:
    """Whether the backend computes on a GPU."""
    return any("gpu" in device.lower() or "cuda" in device.lower() for device in keras.distribution.list_devices())


def main() -> None:
    """Train as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    ask.add_argument("--weights", type=Path, required=True, help="a .weights.h5 file to start from")
    ask.add_argument("--teachers", type=Path, nargs="+", default=[], help=".weights.h5 files of networks to learn from")
    ask.add_argument(
        "--autoencoder", type=Path, nargs=2, default=[], help="encoder and decoder of TAEF2, to reconstruct pictures by"
    )
    ask.add_argument("--out", type=Path, required=True, help="folder of the run")
    ask.add_argument("--config", type=Path, help="JSON with fields of TrainingConfig")
    wanted = ask.parse_args()
    config = read_config(wanted.config) if wanted.config else TrainingConfig()
    train(wanted.data, wanted.weights, wanted.out, config, wanted.teachers, wanted.autoencoder)


if __name__ == "__main__":
    main()
