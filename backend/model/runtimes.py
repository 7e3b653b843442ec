"""Which runtime judges: one that is converted for the processor, or Keras, the reference."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from backend.model.classifier import Classifier
from backend.model.conversion import ConversionError, converted_folder

logger = logging.getLogger(__name__)

Precision = Literal["auto", "float32"]


def load_classifier(
    model_path: Path, fake_index: int, cache_folder: Path, precision: Precision, streams: int
) -> Classifier:
    """Load a model file for the processor: converted where that is possible, else in Keras, with the reason logged.

    Raises:
        OSError, ValueError: it is no usable model; see `KerasClassifier`.
    """
    from backend.model.openvino_classifier import OpenVinoClassifier

    if not model_path.is_file():
        raise FileNotFoundError(model_path)
    try:
        folder = converted_folder(model_path, fake_index, cache_folder)
        return OpenVinoClassifier(folder, fake_index, reduced_precision=precision == "auto", streams=streams)
    except (ConversionError, OSError, RuntimeError) as error:
        logger.warning("the model is not converted: Keras judges, slower", extra={"reason": str(error)})
    from backend.model.keras_classifier import KerasClassifier

    return KerasClassifier(model_path, fake_index)
