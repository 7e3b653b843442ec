"""The one model of a process: loaded once, warmed, and checked before it may judge."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.domain import LogitMap, Pixels, Score
from backend.errors import NotReady
from backend.model.classifier import NONE_LEFT, Classifier, logits_of
from backend.model.golden import golden_crops
from backend.model.manifest import Manifest, file_sha256, foreign_manifest, manifest_path, read_manifest

logger = logging.getLogger(__name__)

ClassifierLoader = Callable[[], Classifier]


@dataclass(frozen=True)
class LoadedModel:
    """A classifier that passed its checks, with what is known of it."""

    classifier: Classifier
    manifest: Manifest

    def score(self, crops: Pixels) -> list[Score]:
        """Judge (n, 224, 224, 3) uint8 RGB crops, n at least 1."""
        probabilities, maps = self.classifier.predict(crops)
        if not self.manifest.calibrated or maps is None:
            return [Score(float(logit), None) for logit in logits_of(probabilities)]
        return [Score(float(logit_map.mean()), logit_map) for logit_map in maps]


class ModelHolder:
    """Loads the model in the background, so that the service answers at once; tells why there is none."""

    def __init__(self, path: Path, load: ClassifierLoader) -> None:
        self._path = path
        self._load = load
        self._model: LoadedModel | None = None
        self._reason = "The model is being loaded; try again in a few seconds."
        self._settled = threading.Event()

    def start(self) -> None:
        """Begin to load, in a thread of its own."""
        threading.Thread(target=self._run, name="model-loading", daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Wait until loading has ended, well or badly; False if it has not after so many seconds."""
        return self._settled.wait(timeout)

    @property
    def model(self) -> LoadedModel | None:
        """The model, once it is ready."""
        return self._model

    def require(self) -> LoadedModel:
        """The model.

        Raises:
            NotReady: it is not loaded yet, cannot be, or what it runs on has failed; the sentence says which.
        """
        if self._model is None:
            raise NotReady(self._reason)
        if self._model.classifier.failed:
            raise NotReady(NONE_LEFT)
        return self._model

    def _run(self) -> None:
        try:
            self._model = load_checked(self._path, self._load)
            logger.info("model ready", extra={"model_version": self._model.manifest.version})
        except FileNotFoundError:
            self._reason = "There is no model file: put temp_model.h5 in place, or set DETECTOR_MODEL_PATH."
        except OSError:
            self._reason = "The model file cannot be read: it is damaged or not a Keras model."
        except ValueError as error:
            self._reason = f"The model cannot be used: {error}."
        except Exception:  # whatever a runtime raises, the service stays up, unready, and says so
            self._reason = "The model cannot be used: loading it failed."
            logger.exception("model loading failed")
        finally:
            if self._model is None:
                logger.error("model not ready", extra={"reason": self._reason})
            self._settled.set()


def load_checked(path: Path, load: ClassifierLoader) -> LoadedModel:
    """Load a model and judge the golden crops with it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no usable model, or its answer is not the golden one.
    """
    manifest = _matching_manifest(path)
    classifier = load()
    probabilities, maps = classifier.predict(golden_crops())
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()):
        raise ValueError("its answers are not probabilities between 0 and 1")
    if manifest.calibrated:
        _check_golden(manifest, maps, max(manifest.golden_tolerance, classifier.logit_tolerance))
    return LoadedModel(classifier, manifest)


def _matching_manifest(path: Path) -> Manifest:
    """The manifest beside a model, if it was written for this very file."""
    sha256 = file_sha256(path)
    try:
        manifest = read_manifest(manifest_path(path))
    except (OSError, ValueError) as error:
        logger.warning("model without a manifest: uncalibrated", extra={"reason": type(error).__name__})
        return foreign_manifest(sha256)
    if manifest.sha256 != sha256:
        logger.warning("the manifest is another model's: uncalibrated", extra={"model_sha256": sha256})
        return foreign_manifest(sha256)
    return manifest


def _check_golden(manifest: Manifest, maps: LogitMap | None, tolerance: float) -> None:
    if maps is None:
        raise ValueError("it gives no logit map, though its manifest promises one")
    worst = float(np.abs(maps.mean(axis=(1, 2)) - np.asarray(manifest.golden_logits)).max())
    if not worst <= tolerance:
        raise ValueError(
            f"its golden logits differ by {worst:.4g}, more than the tolerance of {tolerance:g}; "
            "this machine would judge otherwise than the one it was measured on"
        )
