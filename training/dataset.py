"""Folders with an `index.csv` to samples and their split."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.domain import Box, Pixels

INDEX_PLACES = ("index.csv", "faces/index.csv", "clips/index.csv")
CLIP_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mpg", ".webm", ".mkv", ".gif"})


@dataclass(frozen=True)
class Sample:
    """One row of an index: a picture with a face, or a clip.

    `box` and `landmarks` (five points as in `backend.domain.Face`) are in pixels of the picture; a clip has none.
    What shares a `group` must stay on one side of a split. Samples of one `pair` show the same moment of the same
    person, real and fake. `panel` is the part of a side-by-side clip that counts.
    """

    path: Path
    fake: bool
    source: str
    method: str
    role: str
    group: str
    pair: str = ""
    video: str = ""
    box: Box | None = None
    landmarks: tuple[tuple[float, float], ...] = ()
    panel: Box | None = None

    @property
    def is_clip(self) -> bool:
        """Whether the file is a film rather than a picture."""
        return self.path.suffix.lower() in CLIP_SUFFIXES

    def of_panel(self, pixels: Pixels) -> Pixels:
        """The part of a frame that counts."""
        if self.panel is None:
            return pixels
        x, y, width, height = (round(number) for number in self.panel)
        return pixels[y : y + height, x : x + width]


def read_folders(folders: Iterable[Path]) -> list[Sample]:
    """Read every index in the folders; paths inside an index are relative to its folder of these.

    Raises:
        FileNotFoundError: a folder has no index.
    """
    samples: list[Sample] = []
    for folder in folders:
        indices = [folder / place for place in INDEX_PLACES if (folder / place).is_file()]
        if not indices:
            raise FileNotFoundError(f"{folder} has none of {', '.join(INDEX_PLACES)}")
        for index in indices:
            with index.open(newline="", encoding="utf-8") as stream:
                samples += [_sample(row, folder) for row in csv.DictReader(stream)]
    return samples


def split(samples: Iterable[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Samples to train on, and samples to choose, tune and calibrate by; no group is in both.

    A group that the indices name with both roles goes, whole, to the side where more of it is.
    """
    listed = list(samples)
    leaning: Counter[str] = Counter()
    for sample in listed:
        leaning[sample.group] += 1 if sample.role == "train" else -1
    return [s for s in listed if leaning[s.group] > 0], [s for s in listed if leaning[s.group] <= 0]


def capped(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """At most so many samples of each source and label, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(samples))
    counts: Counter[tuple[str, bool]] = Counter()
    chosen = []
    for sample in (samples[index] for index in order):
        counts[sample.source, sample.fake] += 1
        if counts[sample.source, sample.fake] <= most:
            chosen.append(sample)
    return chosen


def read_picture(path: Path) -> Pixels:
    """Decode a picture, upright, as (height, width, 3) uint8 RGB.

    Raises:
        ValueError: it will not decode.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is not a readable picture")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _sample(row: dict[str, str], folder: Path) -> Sample:
    numbers = [float(number) for number in row.get("landmarks", "").split()]
    return Sample(
        path=folder / row["path"],
        fake=row["label"] == "fake",
        source=row["source"],
        method=row["method"],
        role=row["role"],
        group=row["group"],
        pair=row.get("pair", ""),
        video=row.get("video", ""),
        box=Box(*(float(row[name]) for name in ("x", "y", "width", "height"))) if row.get("x") else None,
        landmarks=tuple(zip(numbers[::2], numbers[1::2], strict=True)),
        panel=Box(*(float(number) for number in row["panel"].replace(",", " ").split())) if row.get("panel") else None,
    )
