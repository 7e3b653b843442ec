"""The clips that are timed: those of a folder, and larger ones made here with a face in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from skimage.data import astronaut

RATE = 30  # frames a second
HEIGHT, WIDTH = 1080, 1920
SHORT_SECONDS, LONG_SECONDS = 15, 600
KEY_EVERY = 2 * RATE  # frames


def synthesize(folder: Path) -> dict[str, Path]:
    """Make the large clips, once: name to path."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {
        "1080p, 15 s, a key frame every 2 s": folder / "short.mp4",
        "1080p, 15 s, one key frame": folder / "one_key.mp4",
        "1080p, 10 min, a key frame every 2 s": folder / "long.mp4",
    }
    short, one_key, long = clips.values()
    if not long.exists():
        _encode(short, KEY_EVERY)
        _encode(one_key, SHORT_SECONDS * RATE)
        _repeat(short, long, LONG_SECONDS // SHORT_SECONDS)
    return clips


def _frames() -> list[np.ndarray]:
    """A face that drifts over a noisy background, so that frames differ as those of a camera do."""
    random = np.random.default_rng(0)
    background = cv2.resize(random.integers(60, 160, (68, 120, 3), np.uint8), (WIDTH + 64, HEIGHT))
    face = cv2.resize(np.asarray(astronaut())[:300, 70:370], (600, 600), interpolation=cv2.INTER_CUBIC)
    frames = []
    for place in range(SHORT_SECONDS * RATE):
        frame = background[:, place % 64 : place % 64 + WIDTH].copy()
        left, top = 300 + 2 * place, 200 + round(60 * np.sin(place / 20))
        frame[top : top + 600, left : left + 600] = face
        noise = random.integers(-2, 3, (HEIGHT // 4, WIDTH // 4, 1), np.int16)
        noise = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)[:, :, None]
        frames.append(np.clip(frame + noise, 0, 255).astype(np.uint8))
    return frames


def _encode(path: Path, key_every: int) -> None:
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "27", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", key_every
        for pixels in _frames():
            sink.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        sink.mux(stream.encode())


def _repeat(path: Path, target: Path, times: int) -> None:
    """Play a clip again and again, without coding it anew."""
    with av.open(str(target), "w") as sink:
        stream = None
        for turn in range(times):
            with av.open(str(path)) as source:
                original = source.streams.video[0]
                stream = stream or sink.add_stream_from_template(original)
                shift = round(turn * SHORT_SECONDS / Fraction(original.time_base))
                for packet in source.demux(original):
                    if packet.dts is not None:
                        packet.dts, packet.pts, packet.stream = packet.dts + shift, packet.pts + shift, stream
                        sink.mux(packet)
