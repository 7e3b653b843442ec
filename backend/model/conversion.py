"""The Keras model to OpenVINO's form: once for each model file, in a process of its own.

OpenVINO reads the Keras model directly and uses reduced precision where the processor has it; how much faster than
Keras it is, `make bench` measures. `bench/runtimes.py` compares it with LiteRT and ONNX Runtime. The process of its own
keeps TensorFlow's half gigabyte out of the service.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from backend.model.classifier import LOGIT_TOLERANCE
from backend.model.golden import golden_crops
from backend.model.manifest import file_sha256
from backend.model.openvino_classifier import IR_NAME, OpenVinoClassifier
from backend.silent_openvino import import_openvino

TIMEOUT = 300  # seconds


class ConversionError(Exception):
    """The model cannot be converted; the text says why."""


def converted_folder(model_path: Path, fake_index: int, cache_folder: Path) -> Path:
    """Where the converted form of a model file lies, converted now if it is not there yet.

    Raises:
        ConversionError: it cannot be converted, or answers otherwise than the original.
    """
    folder = cache_folder / f"{file_sha256(model_path)[:32]}-{fake_index}-openvino-{version('openvino')}"
    if not (folder / IR_NAME).exists():
        command = [sys.executable, "-m", "backend.model.conversion", str(model_path), str(fake_index), str(folder)]
        root = Path(__file__).resolve().parents[2]
        try:
            done = subprocess.run(  # noqa: S603  # our own program and paths, and no shell
                command, cwd=root, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ConversionError(f"it takes longer than {TIMEOUT} s") from error
        if done.returncode:
            raise ConversionError(done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}")
    return folder


def convert(model_path: Path, fake_index: int, folder: Path) -> None:
    """Convert a model file, compare both on the golden crops, and put the result in place whole."""
    from backend.model.keras_classifier import KerasClassifier

    openvino = import_openvino()
    import tensorflow
    from openvino.frontend.tensorflow import utils

    # OpenVINO asks for it in a way that Python 3.13 no longer has (PEP 667).
    utils.get_environment_setup = lambda framework: {"tensorflow": tensorflow.__version__}
    original = KerasClassifier(model_path, fake_index)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        made = Path(unfinished) / folder.name
        made.mkdir()
        openvino.save_model(openvino.convert_model(original.model), made / IR_NAME, compress_to_fp16=False)
        converted = OpenVinoClassifier(made, fake_index, reduced_precision=False, streams=1)
        crops = golden_crops()
        worst = max(
            float(np.abs(ours - theirs).max())
            for ours, theirs in zip(converted.predict(crops), original.predict(crops), strict=True)
            if ours is not None and theirs is not None
        )
        if not worst <= LOGIT_TOLERANCE:
            raise ConversionError(f"the converted network answers otherwise, by up to {worst:.4g}")
        try:
            made.rename(folder)
        except OSError:
            if not (folder / IR_NAME).exists():  # where it does, another process was faster
                raise


if __name__ == "__main__":
    convert(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
