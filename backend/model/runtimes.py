"""Which runtime judges: Keras on GPUs, one that is converted for the processor, or Keras there, the reference."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from backend.model.classifier import Classifier
from backend.model.conversion import ConversionError, converted_folder

logger = logging.getLogger(__name__)

Precision = Literal["auto", "float32"]
Device = Literal["auto", "cpu", "gpu"]

DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, AMD, and either under Windows


class NoGpuError(Exception):
    """A GPU was asked for, and there is none; the text says what was looked at."""


def choose_gpus(device: Device) -> list[str]:
    """The GPUs to judge on, as Keras calls them; none where the processor judges.

    By default Keras, which takes seconds and half a gigabyte, is asked only where a driver is there.

    Raises:
        NoGpuError: `gpu` was asked for, and Keras sees none.
    """
    if device == "cpu" or (device == "auto" and not any(Path(driver).exists() for driver in DRIVERS)):
        return []
    from backend.model.device_network import find_gpus
    from backend.model.keras_network import import_keras

    gpus = find_gpus()
    if not gpus:
        backend = import_keras().backend.backend()
        if device == "gpu":
            raise NoGpuError(
                f"DETECTOR_DEVICE=gpu, but Keras on {backend} sees no GPU: install a backend that does, such as "
                "jax[cuda12], and name it with KERAS_BACKEND=jax."
            )
        logger.warning("there is a GPU, but Keras does not see it", extra={"keras_backend": backend})
    return gpus


def load_classifier(
    model_path: Path, fake_index: int, cache_folder: Path, precision: Precision, streams: int, device: Device
) -> Classifier:
    """Load a model file for GPUs, or for the processor: converted where that is possible, else in Keras.

    Raises:
        NoGpuError: see `choose_gpus`.
        OSError, ValueError: it is no usable model; see `KerasNetwork`.
    """
    if not model_path.is_file():
        raise FileNotFoundError(model_path)
    if gpus := choose_gpus(device):
        from backend.model.gpu_classifier import GpuClassifier

        try:
            return GpuClassifier(model_path, fake_index, gpus, reduced_precision=precision == "auto")
        except Exception as error:  # backends fail in their own ways: memory, drivers, a GPU that others hold
            if device == "gpu":
                raise
            logger.warning("no GPU can judge: the processor does", extra={"reason": str(error)})
    from backend.model.openvino_classifier import OpenVinoClassifier

    try:
        folder = converted_folder(model_path, fake_index, cache_folder)
        return OpenVinoClassifier(folder, fake_index, reduced_precision=precision == "auto", streams=streams)
    except (ConversionError, OSError, RuntimeError) as error:
        logger.warning("the model is not converted: Keras judges, slower", extra={"reason": str(error)})
    from backend.model.keras_classifier import KerasClassifier

    return KerasClassifier(model_path, fake_index)
