"""Folders of pictures and clips to one folder of small crops with an index, quick to load and to carry about."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
from tqdm import tqdm

from backend.domain import Box, Face, Pixels
from backend.faces.cropping import cut, square_around
from training.augmentation import STORED_MARGIN, STORED_SIDE
from training.dataset import Sample, read_folders, split
from training.faces import DECODERS, faces_of

JPEG_QUALITY = 95
COLUMNS = ("path", "label", "source", "method", "role", "group", "pair", "video", "kind", "x", "y", "width", "height",
           "landmarks")  # fmt: skip


def prepare(samples: Sequence[Sample], role: str, destination: Path) -> int:
    """Write the faces of samples of a role, largest side 288 pixels, and their `index.csv`; gives their number."""
    destination.mkdir(parents=True, exist_ok=True)
    with (
        (destination / "index.csv").open("w", newline="", encoding="utf-8") as stream,
        ThreadPoolExecutor(DECODERS) as pool,
    ):
        index = csv.DictWriter(stream, COLUMNS)
        index.writeheader()
        numbered = list(enumerate(samples))
        written = 0
        for rows in tqdm(
            pool.map(lambda one: list(_write(one[0], one[1], role, destination)), numbered), total=len(samples)
        ):
            index.writerows(rows)
            written += len(rows)
    return written


def crop_stored(pixels: Pixels, face: Face) -> tuple[Pixels, Face]:
    """Cut a face with its surroundings, shrunk if it is large but never enlarged, and move its points along."""
    square = square_around(face.box, STORED_MARGIN)
    side = min(STORED_SIDE, round(square.width))
    scale = side / square.width
    box = Box(
        (face.box.x - square.x) * scale,
        (face.box.y - square.y) * scale,
        face.box.width * scale,
        face.box.height * scale,
    )
    points = tuple(((x - square.x) * scale, (y - square.y) * scale) for x, y in face.landmarks)
    return cut(pixels, square, side), Face(box, points, face.detector_score)


def _write(number: int, sample: Sample, role: str, destination: Path) -> Iterator[dict[str, str]]:
    for place, (pixels, face) in enumerate(faces_of(sample)):
        crop, moved = crop_stored(pixels, face)
        name = f"{number // 5000:03}/{number:06}_{place:02}.jpg"
        (destination / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(
            str(destination / name), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        )
        yield {
            "path": name,
            "label": "fake" if sample.fake else "real",
            "source": sample.source,
            "method": sample.method,
            "role": role,
            "group": sample.group,
            "pair": sample.pair,
            "video": str(sample.path.name) if sample.is_clip else sample.video,
            "kind": "crop",
            **{name: f"{value:.1f}" for name, value in zip(("x", "y", "width", "height"), moved.box, strict=True)},
            "landmarks": " ".join(f"{number:.1f}" for point in moved.landmarks for number in point),
        }


def main() -> None:
    """Prepare what the command line names."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    ask.add_argument("--role", choices=("train", "val"), default="train")
    ask.add_argument("--out", type=Path, required=True)
    wanted = ask.parse_args()
    training, validation = split(read_folders(wanted.data))
    print(prepare(training if wanted.role == "train" else validation, wanted.role, wanted.out), "faces")


if __name__ == "__main__":
    main()
