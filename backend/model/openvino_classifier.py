"""The converted network on the processor: single crops over several streams, the fastest way that was measured."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend import metrics
from backend.domain import CROP_SIDE, Pixels
from backend.model.classifier import LOGIT_TOLERANCE
from backend.silent_openvino import import_openvino

logger = logging.getLogger(__name__)

IR_NAME = "model.xml"
NICENESS = 5  # a third of the share of a thread that finds faces, where both want the same core
REDUCED_LOGIT_TOLERANCE = 0.2  # bfloat16 keeps 8 bits of each number; training/compare.py measures what it does


class OpenVinoClassifier:
    """A network converted by `conversion.convert` behind the interface `Classifier`.

    Every crop is one inference, so its answer does not depend on what else is asked at the same time. One that is left
    over, when all others of a call are judged on all streams, would keep one thread busy and the others waiting: for
    such the network is compiled a second time, to be run by all of them, once the first crops have been judged.

    Args:
        folder: with the converted network.
        fake_index: which output of a softmax of two means fake.
        reduced_precision: compute in bfloat16 where the processor has it.
        streams: how many crops are judged at the same time, by as many calling threads.
    """

    failed = False

    def __init__(self, folder: Path, fake_index: int, reduced_precision: bool, streams: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        reduced = reduced_precision and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        network = core.read_model(folder / IR_NAME)
        network.reshape([1, CROP_SIDE, CROP_SIDE, 3])
        if reduced:
            activate_by_tangents(openvino, network)
        steps = openvino.preprocess.PrePostProcessor(network)
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        hints = {
            "INFERENCE_PRECISION_HINT": "bf16" if reduced else "f32",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
        }
        network = steps.build()
        with ThreadPoolExecutor(1) as compiling:
            compiled = compiling.submit(_compile_to_give_way, core, network, hints).result()
        self.logit_tolerance = REDUCED_LOGIT_TOLERANCE if reduced else LOGIT_TOLERANCE
        self._fake_index = fake_index
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._requests.put(compiled.create_infer_request())
        self._streams = streams
        self._compile_for_all_threads = partial(_compile_alike, core, network, hints | {"NUM_STREAMS": 1}, compiled)
        self._by_all_threads: Future[Any] | None = None
        # Conversion changes the names and the order of outputs: only their shapes tell which is which.
        shapes = [tuple(output.shape) for output in compiled.outputs]
        self._map_output = next((place for place, shape in enumerate(shapes) if len(shape) == 4), None)
        self._probability_output = next(place for place, shape in enumerate(shapes) if len(shape) == 2)
        self._is_pair = shapes[self._probability_output] == (1, 2)

    def predict(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Judge (n, 224, 224, 3) uint8 RGB crops; see `Classifier.predict`."""
        probabilities = np.empty(len(crops), np.float32)
        maps = []
        with self._borrow(len(crops)) as requests:
            for start in range(0, len(crops), len(requests)):
                running = list(zip(self._fastest(requests, len(crops) - start), crops[start:], strict=False))
                for request, crop in running:
                    request.start_async({0: crop[None]}, share_inputs=True)
                for place, (request, _) in enumerate(running, start):
                    request.wait()
                    metrics.NETWORK_BATCH.observe(1)
                    answer = request.results
                    probabilities[place] = answer[self._probability_output][0, self._fake_index if self._is_pair else 0]
                    if self._map_output is not None:
                        maps.append(answer[self._map_output][0, :, :, 0].copy())
            if not self._by_all_threads and 1 < self._streams == len(requests):  # who has borrowed all is alone in here
                compiling = ThreadPoolExecutor(1)
                self._by_all_threads = compiling.submit(self._compile_for_all_threads)
                compiling.shutdown(wait=False)
        return probabilities, np.stack(maps) if maps else None

    def _fastest(self, borrowed: list[Any], crops: int) -> list[Any]:
        """The requests by which so many crops are judged soonest."""
        compiled = self._by_all_threads
        if crops > 1 or len(borrowed) < self._streams or not compiled or not compiled.done():
            return borrowed
        together = compiled.result()
        return [together] if together else borrowed

    @contextmanager
    def _borrow(self, most: int) -> Iterator[list[Any]]:
        """A stream, waited for, and further ones that nobody wants, as many as are of use."""
        requests = [self._requests.get()]
        try:
            with suppress(Empty):
                while len(requests) < most:
                    requests.append(self._requests.get_nowait())
            yield requests
        finally:
            for request in requests:
                self._requests.put(request)


def activate_by_tangents(openvino: Any, network: Any) -> None:
    """Have x * sigmoid(x) computed as x/2 * (1 + tanh(x/2)), which is the same without a division.

    Where convolutions are in bfloat16, what they are followed by takes nearly half of the time, and this less of it.
    """
    operations = openvino.opset14
    half, one = (operations.constant(np.float32(number)) for number in (0.5, 1.0))
    for node in network.get_ops():
        if node.get_type_name() == "Swish":
            halved = operations.multiply(node.input_value(0), half)
            activated = operations.multiply(halved, operations.add(operations.tanh(halved), one))
            for taker in node.output(0).get_target_inputs():
                taker.replace_source_output(activated.output(0))


def _compile_alike(core: Any, network: Any, hints: Mapping[str, object], compiled: Any) -> Any:
    """A request to a network compiled otherwise, or None where it does not answer as the compiled one to the last bit.

    A file's answer must not depend on which of both happened to be free.
    """
    try:
        other = _compile_to_give_way(core, network, hints)
    except RuntimeError:  # it goes without, as before
        logger.exception("the network could not be compiled for all threads together")
        return None
    requests = compiled.create_infer_request(), other.create_infer_request()
    for crop in np.random.default_rng(0).integers(0, 256, (2, 1, CROP_SIDE, CROP_SIDE, 3), np.uint8):
        first, second = (list(request.infer({0: crop}).values()) for request in requests)
        if not all(map(np.array_equal, first, second)):
            return None
    return requests[1]


def _compile_to_give_way(core: Any, network: Any, hints: Mapping[str, object]) -> Any:
    """Compile a network whose threads yield the processor to those that make work for it, and so never run dry.

    On Linux niceness is a thread's own, and those that it starts inherit it: this one is to end with the call.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
    return core.compile_model(network, "CPU", hints)
