"""Samples to the stored pictures of faces that training draws from, cut by the service's own detector and cropper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from backend.domain import Face, Pixels
from backend.errors import DetectorError
from backend.faces.cropping import cut, square_around
from backend.faces.detection import find_faces
from backend.media.limits import MediaLimits
from backend.media.opening import open_media
from backend.model.manifest import DEFAULT_DETECTOR_THRESHOLD
from training.augmentation import STORED_MARGIN, STORED_SIDE
from training.dataset import Sample, read_picture

FRAMES_PER_CLIP = 8  # spread over its length
DECODERS = 16  # threads
LIMITS = MediaLimits(pixels=64_000_000, side=16_384)


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Stored pictures with what is known of each.

    `pictures` are n of (288, 288, 3) uint8 RGB, 1.1 times the box, mirrored beyond the source; `landmarks` is
    (n, 5, 2) float32, x and y in their pixels. One sample, where it is a clip, may have given several. `coded` are the
    pictures as a video codec leaves them, where that was made.
    """

    pictures: tuple[Pixels, ...]
    landmarks: NDArray[np.float32]
    samples: tuple[Sample, ...]
    coded: tuple[Pixels, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def fake(self) -> NDArray[np.bool_]:
        """The labels, (n,)."""
        return np.array([sample.fake for sample in self.samples], bool)

    @property
    def sources(self) -> NDArray[np.str_]:
        """The sources, (n,)."""
        return np.array([sample.source for sample in self.samples], str)


def load_faces(samples: Sequence[Sample], text: str) -> FaceSet:
    """Decode and cut all samples, with a progress bar called `text`; what shows no face is left out."""
    pictures: list[Pixels] = []
    landmarks: list[NDArray[np.float32]] = []
    kept: list[Sample] = []
    with ThreadPoolExecutor(DECODERS) as pool:
        found = tqdm(pool.map(lambda sample: list(_stored(sample)), samples), text, len(samples), unit=" files")
        for sample, faces in zip(samples, found, strict=True):
            for picture, points in faces:
                pictures.append(picture)
                landmarks.append(points)
                kept.append(sample)
    return FaceSet(tuple(pictures), np.array(landmarks, np.float32).reshape(-1, 5, 2), tuple(kept))


def faces_of(sample: Sample) -> Iterator[tuple[Pixels, Face]]:
    """The pictures that a sample gives with the face to judge in each: the indexed one, or the largest found."""
    if not sample.is_clip:
        pixels = read_picture(sample.path)
        known = Face(sample.box, sample.landmarks, 1.0) if sample.box else None
        faces = [known] if known else find_faces(pixels, DEFAULT_DETECTOR_THRESHOLD, 1)
        yield from ((pixels, face) for face in faces)
        return
    for pixels in _clip_frames(sample):
        yield from ((pixels, face) for face in find_faces(pixels, DEFAULT_DETECTOR_THRESHOLD, 1))


def _clip_frames(sample: Sample) -> list[Pixels]:
    """Frames spread over a clip, of its panel if it has one; none of a clip that the service would refuse."""
    try:
        with open_media(sample.path, FRAMES_PER_CLIP, LIMITS) as (_, frames):
            return [sample.of_panel(frame.pixels) for frame in frames if not frame.follows]
    except DetectorError:
        return []


def _stored(sample: Sample) -> Iterator[tuple[Pixels, NDArray[np.float32]]]:
    for pixels, face in faces_of(sample):
        square = square_around(face.box, STORED_MARGIN)
        points = (np.array(face.landmarks, np.float32) - (square.x, square.y)) * (STORED_SIDE / square.width)
        yield cut(pixels, square, STORED_SIDE), points.astype(np.float32)
