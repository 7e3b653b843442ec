"""`python -m bench.runtimes`: the runtimes that could judge on processors, on the shipped model; writes the README.

Needs `ai-edge-litert`, `onnxruntime` and `tf2onnx` beside requirements-dev.txt: they are here to be compared, the
service does without them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE
from backend.model.golden import golden_crops
from bench.__main__ import README, cores, describe_machine
from bench.baselines import converted, keras_model
from bench.documents import publish
from bench.measuring import ratios, spread

BATCH = 16  # crops, as many as a small clip has instants
ROUNDS = 7
Maps: TypeAlias = NDArray[np.float32]
Predict: TypeAlias = Callable[[NDArray[np.float32]], Maps]


def main() -> None:
    """Compare, print the table, and write it."""
    crops = np.random.default_rng(0).integers(0, 256, (BATCH, CROP_SIDE, CROP_SIDE, 3)).astype(np.float32)
    golden = golden_crops().astype(np.float32)

    def by_keras(floats: NDArray[np.float32]) -> Maps:
        return np.asarray(keras_model().predict_on_batch(floats)[1])

    exact = by_keras(golden).mean(axis=(1, 2, 3))
    lines = [
        f"| runtime | {BATCH} crops, faster than Keras | one crop, faster than Keras | golden logits within |",
        "| --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, predict in runtimes(Path(folder)).items():
            many, one = (
                spread(ratios(lambda some=some: by_keras(some), lambda some=some: predict(some), ROUNDS))  # noqa: B023
                for some in (crops, crops[:1])
            )
            worst = float(np.abs(predict(golden).reshape(len(golden), -1).mean(axis=1) - exact).max())
            lines.append(f"| {name} | {many} times | {one} times | {worst:.2g} |")
            print(lines[-1], flush=True)
    publish(README, "runtimes", "\n".join([describe_machine(), "", *lines]))


def runtimes(folder: Path) -> dict[str, Predict]:
    """Each runtime ready to judge, on all cores."""
    return {
        "OpenVINO, float32": openvino(reduced_precision=False),
        "OpenVINO, reduced precision": openvino(reduced_precision=True),
        "ONNX Runtime": onnx_runtime(folder / "model.onnx"),
        "LiteRT": litert(),
    }


def openvino(reduced_precision: bool) -> Predict:
    """As the service runs it: a stream for each core, a part of the batch for each stream."""
    network, streams = converted(reduced_precision=reduced_precision, streams=cores()), cores()
    pool = ThreadPoolExecutor(streams)

    def predict(floats: NDArray[np.float32]) -> Maps:
        parts = np.array_split(floats.astype(np.uint8), min(streams, len(floats)))
        return np.concatenate([np.asarray(maps) for _, maps in pool.map(network.predict, parts)])

    return predict


def onnx_runtime(path: Path) -> Predict:
    """ONNX Runtime's own provider for processors."""
    import onnxruntime

    saved = path.with_suffix("")
    keras_model().export(saved, verbose=False)
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(saved), "--output", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    target = next(one.name for one in session.get_outputs() if len(one.shape) == 4)
    return lambda floats: np.asarray(session.run([target], {source: floats})[0])


def litert() -> Predict:
    """LiteRT with XNNPACK."""
    import tensorflow
    from ai_edge_litert.interpreter import Interpreter

    converter = tensorflow.lite.TFLiteConverter.from_keras_model(keras_model())
    interpreter: Any = Interpreter(model_content=converter.convert(), num_threads=cores())
    source = interpreter.get_input_details()[0]["index"]
    target = next(one["index"] for one in interpreter.get_output_details() if len(one["shape"]) == 4)
    sizes: set[int] = set()

    def predict(floats: NDArray[np.float32]) -> Maps:
        if sizes != {len(floats)}:
            interpreter.resize_tensor_input(source, floats.shape)
            interpreter.allocate_tensors()
            sizes.clear()
            sizes.add(len(floats))
        interpreter.set_tensor(source, floats)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(target))

    return predict


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
