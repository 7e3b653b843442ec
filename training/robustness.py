"""How far verdicts hold when files are changed as people change them on their way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from backend.domain import Box, Pixels
from backend.model.holder import LoadedModel
from training.dataset import Sample, capped, read_picture
from training.judging import JudgedFile, as_judged, judge_samples
from training.metrics import area, called_fake, rate

REENCODED = {
    "H.264 at CRF 23": (23, 1.0),
    "H.264 at CRF 32": (32, 1.0),
    "H.264 at CRF 40": (40, 1.0),
    "half the size, H.264 at CRF 23": (23, 0.5),
}
PER_SOURCE = 100  # genuine pictures of a source at most
WRITERS = 2  # threads


def compress(pixels: Pixels, quality: int) -> Pixels:
    """What JPEG of a quality of 1 to 100 leaves of a picture."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def messenger(pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Shrunk and strongly compressed, as messengers send pictures on."""
    return compress(resized(pixels, 0.7), 50)


def screen_recording(pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Shown on a screen at another size and with another gamma, and taken from it."""
    shown = 255 * (resized(pixels, 1.25) / 255) ** 1.15
    return compress(resized(np.clip(shown, 0, 255).astype(np.uint8), 0.72), 80)


def beauty(pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Skin smoothed and brightened, as cameras do by themselves."""
    return compress(np.clip(cv2.bilateralFilter(pixels, 7, 40, 5) * 1.05 + 4, 0, 255).astype(np.uint8), 90)


def dark_call(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A noisy picture of a dark room, compressed for a call."""
    dark = pixels * 0.4 + random.normal(0, 8, pixels.shape)
    return compress(np.clip(dark, 0, 255).astype(np.uint8), 50)


HARMLESS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "messenger": messenger,
    "screen recording": screen_recording,
    "beauty smoothing": beauty,
    "dark, noisy video call": dark_call,
}


def clips_reencoded(
    clips: Sequence[Sample],
    model: LoadedModel,
    threshold: float,
    encodings: Mapping[str, tuple[int, float]] = REENCODED,
) -> list[dict[str, Any]]:
    """What becomes of clips: a row for the untouched ones and one for each encoding, of H.264's CRF and a scale.

    All rows are of those clips in which a face is found untouched: some come in forms that the service refuses, and
    would be judged after encoding alone.
    """
    untouched = judge_samples(clips, model)
    rows = [_clip_row("untouched", untouched, threshold)]
    with_faces = {file.name for file in untouched if file.basis == "face_video"}
    clips = [clip for clip in clips if clip.path.stem in with_faces]
    for name, (crf, scale) in encodings.items():
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WRITERS) as pool:
            numbered = [(clip, Path(folder) / f"{number}.mp4") for number, clip in enumerate(clips)]
            changed = list(pool.map(lambda one: reencode(*one, crf=crf, scale=scale), numbered))  # noqa: B023
            rows.append(_clip_row(name, judge_samples(changed, model), threshold))
    return rows


def pictures_changed(pictures: Sequence[Sample], model: LoadedModel, threshold: float) -> list[dict[str, Any]]:
    """How often genuine pictures are called fake: a row for the untouched ones and one for each of `HARMLESS`."""
    reals = capped([picture for picture in pictures if not picture.fake], PER_SOURCE, seed=0)
    rows = [_picture_row("untouched", judge_samples(reals, model), threshold)]
    for name, change in HARMLESS.items():
        random = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            changed = []
            for number, sample in enumerate(reals):
                path = Path(folder) / f"{number}.png"
                cv2.imwrite(str(path), cv2.cvtColor(change(read_picture(sample.path), random), cv2.COLOR_RGB2BGR))
                changed.append(replace(sample, path=path))
            rows.append(_picture_row(name, judge_samples(changed, model), threshold))
    return rows


def reencode(sample: Sample, target: Path, *, crf: int, scale: float) -> Sample:
    """Encode a clip anew by H.264, without sound; gives it with its new path and panel."""
    with av.open(str(sample.path)) as source, av.open(str(target), "w") as made:
        film = source.streams.video[0]
        stream = made.add_stream("libx264", rate=film.average_rate or Fraction(25), options={"crf": str(crf)})
        stream.width, stream.height = (2 * round(side * scale / 2) for side in (film.width, film.height))
        stream.pix_fmt = "yuv420p"
        stream.time_base = film.time_base
        last = -1
        for frame in source.decode(film):
            if frame.pts is None or frame.pts <= last:
                continue
            last = frame.pts
            small = frame.reformat(stream.width, stream.height, "yuv420p", interpolation="AREA")
            small.pts, small.time_base = frame.pts, film.time_base
            made.mux(stream.encode(small))
        made.mux(stream.encode())
    panel = Box(*(scale * number for number in sample.panel)) if sample.panel else None
    return replace(sample, path=target, panel=panel)


def resized(pixels: Pixels, scale: float) -> Pixels:
    """Shrink by area averaging, or enlarge."""
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)


def _clip_row(name: str, files: Sequence[JudgedFile], threshold: float) -> dict[str, Any]:
    judged = as_judged([file for file in files if file.basis == "face_video"], {})
    reals, fakes = judged.where(~judged.fake), judged.where(judged.fake)
    return {
        "what": name,
        "files": len(judged),
        "auc": asdict(rate(judged, area)),
        "real_called_fake": asdict(rate(reals, lambda some: called_fake(some, threshold))),
        "fake_found": asdict(rate(fakes, lambda some: called_fake(some, threshold))),
    }


def _picture_row(name: str, files: Sequence[JudgedFile], threshold: float) -> dict[str, Any]:
    with_faces = as_judged([file for file in files if file.basis == "face_picture"], {})
    return {
        "what": name,
        "files": len(with_faces),
        "without_face": len(files) - len(with_faces),
        "real_called_fake": asdict(rate(with_faces, lambda some: called_fake(some, threshold))),
    }
