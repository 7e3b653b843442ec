"""What a video codec leaves of a picture of a face: H.264 at a size and a quality as clips on the web have them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import cv2
import numpy as np
from tqdm import tqdm

from backend.domain import Pixels
from training.augmentation import STORED_SIDE
from training.dataset import Sample

SIDES = (112, 288)  # pixels of a stored picture while it is coded
RATE_FACTORS = (20, 40)  # x264's CRF, drawn evenly
FRAMES = 3  # coded; the last one, predicted from those before, is kept
DRIFT = 2.0  # pixels that a face moves between two frames, at the most
CODERS = 16  # threads


def code_all(pictures: tuple[Pixels, ...], samples: tuple[Sample, ...], seed: int) -> tuple[Pixels, ...]:
    """Code each stored picture once, those of one pair alike; gives pictures of the same size."""
    with ThreadPoolExecutor(CODERS) as pool:
        made = pool.map(lambda picture, sample: _code_drawn(picture, sample, seed), pictures, samples)
        return tuple(tqdm(made, "coding", total=len(samples), unit=" pictures"))


def code(picture: Pixels, side: int, rate_factor: int, drift: tuple[float, float]) -> Pixels:
    """Code a stored picture (288, 288, 3) as the last frame of a short film of it.

    Args:
        picture: uint8 RGB.
        side: of the film in pixels, even.
        rate_factor: x264's CRF.
        drift: pixels of the film that the picture moves right and down from frame to frame, undone at the end.
    """
    scaled: Pixels = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    x, y = drift
    moves = [(x * (number - FRAMES + 1), y * (number - FRAMES + 1)) for number in range(FRAMES)]
    frames = [_moved(scaled, *move) for move in moves]
    last = list(_through_codec(frames, rate_factor))[-1]
    return np.asarray(cv2.resize(last, (STORED_SIDE, STORED_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def _code_drawn(picture: Pixels, sample: Sample, seed: int) -> Pixels:
    unit = sample.pair or f"{sample.path.name} {sample.group}"
    random = np.random.default_rng((seed, zlib.crc32(unit.encode())))
    side = 2 * round(float(np.exp(random.uniform(*np.log(SIDES)))) / 2)
    x, y = random.uniform(-DRIFT, DRIFT, 2).tolist()
    return code(picture, side, int(random.integers(RATE_FACTORS[0], RATE_FACTORS[1] + 1)), (x, y))


def _moved(picture: Pixels, x: float, y: float) -> Pixels:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    side = picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _through_codec(frames: list[Pixels], rate_factor: int) -> Iterator[Pixels]:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"crf": str(rate_factor), "preset": "veryfast", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = []
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for packet in (*packets, None):
        for decoded in decoder.decode(packet):
            yield np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
