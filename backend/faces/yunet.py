"""YuNet (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023) on OpenVINO.

It gives what `cv2.FaceDetectorYN` gives, in less time, and one network serves all threads.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain import Pixels
from backend.silent_openvino import import_openvino

DETECTOR_PATH = Path(__file__).with_name("face_detection_yunet_2023mar.onnx")
STRIDES = (8, 16, 32)  # pixels between the places at which each of the network's three grids looks for a face
OVERLAP_LIMIT = 0.3  # intersection over union above which two boxes are one face


class YuNet:
    """The network, compiled once for pictures of any size; safe to be called by several threads."""

    def __init__(self) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        network = core.read_model(DETECTOR_PATH)
        network.reshape([1, 3, openvino.Dimension(), openvino.Dimension()])
        steps = openvino.preprocess.PrePostProcessor(network)
        picture = steps.input()
        picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        picture.tensor().set_color_format(openvino.preprocess.ColorFormat.RGB)
        picture.model().set_layout(openvino.Layout("NCHW"))
        picture.preprocess().convert_color(openvino.preprocess.ColorFormat.BGR)
        # Reduced precision would move boxes; the hint gives every core a stream, so that threads do not wait in turn.
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
        self._compiled = core.compile_model(steps.build(), "CPU", hints)
        self._local = threading.local()

    def detect(self, pixels: Pixels, score_threshold: float) -> NDArray[np.float32]:
        """Find faces.

        Args:
            pixels: (height, width, 3) uint8 RGB, both multiples of 32.
            score_threshold: 0 to 1; fainter faces are left out.

        Returns:
            (n, 15) float32, the surest first: x, y, width and height of the box, x and y of five landmarks, score.
        """
        answer = self._request().infer({0: pixels[None]}, share_inputs=True, share_outputs=True)
        columns = pixels.shape[1]
        found = np.concatenate(
            [_decode(answer, stride, columns // stride, score_threshold) for stride in STRIDES], dtype=np.float32
        )
        found = found[np.isfinite(found).all(axis=1) & (found[:, 2:4] > 0).all(axis=1)]
        whole_boxes = found[:, :4].astype(np.int32)  # OpenCV compares boxes of whole pixels
        kept = cv2.dnn.NMSBoxes(whole_boxes.tolist(), found[:, 14].tolist(), score_threshold, OVERLAP_LIMIT)
        return found[np.asarray(kept, np.intp)]

    def _request(self) -> Any:
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        return self._local.request


def _decode(answer: Any, stride: int, columns: int, score_threshold: float) -> NDArray[np.float32]:
    """The faces of one grid that are sure enough, (n, 15); each place tells where the face lies from there."""
    certainty = np.clip(answer[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(answer[f"obj_{stride}"][0, :, 0], 0, 1)
    scores = np.sqrt(certainty)
    places = np.flatnonzero(scores >= score_threshold)
    corners = np.stack([places % columns, places // columns], axis=1).astype(np.float32)
    boxes = answer[f"bbox_{stride}"][0, places]
    sizes = np.exp(boxes[:, 2:]) * stride
    starts = (corners + boxes[:, :2]) * stride - sizes / 2
    points = (answer[f"kps_{stride}"][0, places].reshape(-1, 5, 2) + corners[:, None]) * stride
    return np.concatenate([starts, sizes, points.reshape(-1, 10), scores[places, None]], axis=1)
