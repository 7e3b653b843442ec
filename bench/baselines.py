"""What the service is measured against: the usual way, a bare decode, and the unavoidable work."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from backend.config import ROOT
from backend.domain import Box, Face, Pixels
from backend.faces.cropping import crop_face, crop_whole, shrink
from backend.faces.detection import find_faces
from backend.faces.yunet import DETECTOR_PATH
from backend.media.limits import MediaLimits
from backend.media.opening import open_media
from backend.model.conversion import converted_folder
from backend.model.keras_classifier import KerasClassifier
from backend.model.openvino_classifier import OpenVinoClassifier

MODEL_PATH = ROOT / "temp_model.h5"
CACHE_FOLDER = ROOT / ".cache"
INSTANTS = 16
USUAL_SIDE = 320  # pixels: the usual way searches a copy no larger than this, the least that the service searches
THRESHOLD, MARGIN, MOST_FACES = 0.7, 0.95, 8
LIMITS = MediaLimits(64_000_000, 16_384)


@cache
def keras_model() -> Any:
    """The shipped model in Keras."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    return KerasClassifier(MODEL_PATH, 1).model


@cache
def converted(reduced_precision: bool, streams: int) -> OpenVinoClassifier:
    """The shipped model as the service runs it."""
    folder = converted_folder(MODEL_PATH, 1, CACHE_FOLDER)
    return OpenVinoClassifier(folder, 1, reduced_precision, streams)


def usual_face(pixels: Pixels) -> Face | None:
    """The surest face that `cv2.FaceDetectorYN` finds, the detector's usual runtime."""
    scale = min(1.0, USUAL_SIDE / max(pixels.shape[:2]))
    small = shrink(pixels, scale)
    usual_detector().setInputSize((small.shape[1], small.shape[0]))
    _, rows = usual_detector().detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return None if rows is None else Face(Box(*(rows[0, :4] / scale).tolist()), (), float(rows[0, 14]))


@cache
def usual_detector() -> cv2.FaceDetectorYN:
    """YuNet in OpenCV."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns whenever it loads it
    return cv2.FaceDetectorYN.create(str(DETECTOR_PATH), "", (USUAL_SIDE, USUAL_SIDE), THRESHOLD)


def the_usual_way(path: Path) -> list[float]:
    """Baseline A: seek to each frame by number, find the face, ask Keras' `predict` for each."""
    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    answers = []
    for place in np.linspace(0, count - 1, INSTANTS).astype(int):
        video.set(cv2.CAP_PROP_POS_FRAMES, int(place))
        read, picture = video.read()
        if not read:
            continue
        pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        face = usual_face(pixels)
        crop = crop_face(pixels, face, MARGIN) if face else crop_whole(pixels)
        probability, _ = keras_model().predict(crop.pixels[None].astype(np.float32), verbose=0)
        answers.append(float(probability[0, 0]))
    video.release()
    return answers


def bare_decode(path: Path) -> int:
    """Baseline B: decode everything in order by FFmpeg's libraries, with all cores, and throw it away."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in source.decode(stream))


class UnavoidableWork:
    """Baseline C: decoding of the wanted frames, 16 detections and 16 network passes, each alone on one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with open_media(path, INSTANTS, LIMITS) as (_, frames):
            self._frames = [frame.pixels for frame in frames if not frame.follows]
        found = [(pixels, find_faces(pixels, THRESHOLD, MOST_FACES)) for pixels in self._frames]
        self._crops = np.stack(
            [(crop_face(pixels, faces[0], MARGIN) if faces else crop_whole(pixels)).pixels for pixels, faces in found]
        )

    def run(self) -> None:
        """Do it, one after the other."""
        with open_media(self._path, INSTANTS, LIMITS) as (_, frames):
            for _ in frames:
                pass
        for pixels in self._frames:
            find_faces(pixels, THRESHOLD, MOST_FACES)
        one_thread_network().predict(self._crops)


@cache
def one_thread_network() -> OpenVinoClassifier:
    """The network as the service runs it, but on one thread."""
    return converted(reduced_precision=True, streams=1)
