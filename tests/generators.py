"""Real files, made here: pictures with and without a face, and videos of every kind that a test needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

Pixels = NDArray[np.uint8]


@cache
def face_picture() -> Pixels:
    """A photograph of a face, public domain (NASA), (512, 512, 3) uint8 RGB."""
    return np.asarray(astronaut(), np.uint8)


def face_frames(count: int, height: int = 240, width: int = 320) -> list[Pixels]:
    """A face that drifts to the right, never resting."""
    face = cv2.resize(face_picture()[:256, 96:352], (height, height), interpolation=cv2.INTER_AREA)
    frames = []
    for place in range(count):
        frame = np.full((height, width, 3), 96, np.uint8)
        left = round((width - height) * place / max(1, count - 1))
        frame[:, left : left + height] = face
        frames.append(frame)
    return frames


def blended_face(side: int = 512) -> Pixels:
    """The face with a softened, shifted copy of its inside laid over it, as face swaps do: (side, side) pixels.

    The model that is shipped takes most of it for fake.
    """
    face = cv2.resize(face_picture()[:256, 96:352], (side, side), interpolation=cv2.INTER_CUBIC)
    unit = side / 512
    copied = cv2.warpAffine(
        cv2.GaussianBlur(face, (0, 0), 2 * unit),
        np.array([[1.03, 0.02, -6 * unit], [0, 1, 6 * unit]], np.float32),
        (side, side),
        borderMode=cv2.BORDER_REFLECT,
    )
    inside = np.zeros((side, side), np.float32)
    centre, axes = (side // 2, round(250 * unit)), (round(95 * unit), round(130 * unit))
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 1, -1)
    weight = cv2.GaussianBlur(inside, (0, 0), 3 * unit)
    return cv2.blendLinear(copied, face, weight, 1 - weight)


def two_faces(count: int) -> list[Pixels]:
    """A face and its manipulated twin beside it, which drifts down, on (360, 720) pixels."""
    honest = cv2.resize(face_picture()[:256, 96:352], (320, 320), interpolation=cv2.INTER_AREA)
    blended = blended_face(320)
    frames = []
    for place in range(count):
        frame = np.full((360, 720, 3), 96, np.uint8)
        top = round(40 * place / max(1, count - 1))
        frame[20:340, 20:340] = honest
        frame[top : top + 320, 380:700] = blended
        frames.append(frame)
    return frames


def numbered_frames(count: int, height: int = 64, width: int = 96) -> list[Pixels]:
    """Grey frames whose brightness tells their number: 4 more for each, from 8."""
    return [np.full((height, width, 3), 8 + 4 * place, np.uint8) for place in range(count)]


def frame_number(pixels: Pixels) -> int:
    """The number of one of `numbered_frames`, after any coding."""
    return round((float(pixels.mean()) - 8) / 4)


def write_picture(path: Path, pixels: NDArray[np.generic]) -> Path:
    """Encode RGB, RGBA or grey pixels by the ending of the path."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_video(
    path: Path,
    frames: Iterable[Pixels],
    *,
    codec: str = "libx264",
    rate: int = 25,
    times: Sequence[float] | None = None,
    key_every: int = 12,
    container_options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    pixel_format: str = "yuv420p",
) -> Path:
    """Encode frames, at `rate` a second or at the given times in seconds."""
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    with av.open(str(path), "w", options=container_options or {}) as sink:
        stream = None
        for place, pixels in enumerate(frames):
            if stream is None:
                stream = sink.add_stream(codec, rate=rate, options=codec_options or {})
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pixel_format
                stream.bit_rate = 4_000_000
                stream.gop_size = key_every
                stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, rate)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = round(1000 * times[place]) if times else place
            frame.time_base = stream.codec_context.time_base
            sink.mux(stream.encode(frame))
        assert stream is not None
        sink.mux(stream.encode())
    # SVT-AV1, run by root, makes its caller a real-time thread, and so all that this one starts hereafter.
    os.sched_setscheduler(0, policy, priority)
    return path


def write_sound(path: Path) -> Path:
    """A container with a second of sound and no picture."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("aac", rate=16000, layout="mono")
        for place in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 1024 * place
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode())
    return path


def set_rotation(path: Path, degrees: int) -> Path:
    """Mark an mp4 as to be turned clockwise for showing, as phones do, in its track header's matrix (ISO 14496-12)."""
    matrices = {
        0: (1, 0, 0, 1),
        90: (0, 1, -1, 0),
        180: (-1, 0, 0, -1),
        270: (0, -1, 1, 0),
    }
    a, b, c, d = matrices[degrees]
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    matrix = header + (40 if data[header] == 0 else 52)
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(data)
    return path
