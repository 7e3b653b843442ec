"""Where photographs were edited by hand, as far as it is known.

CIPLAB's composites tell in their files' names which parts of a face were replaced. The files of this project's folders
have lost those names: `edits.csv` has them for 720 files, found again by what the pictures show, in a copy of the data
set that kept them.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.augmentation import STORED_SIDE
from training.dataset import Sample

EDITS_PATH = Path(__file__).with_name("edits.csv")
PARTS = ("left eye", "right eye", "nose", "mouth")  # as they lie in the picture

# Half axes of ellipses about a part: across in distances of the eyes, along the face in distances from eyes to mouth.
EYE = (0.45, 0.4)
NOSE = (0.35, 0.55)
MOUTH = (0.6, 0.4)


@cache
def edited_parts() -> dict[str, tuple[bool, ...]]:
    """For each file that is known, by its name without suffix, whether each of `PARTS` was replaced."""
    with EDITS_PATH.open(newline="", encoding="utf-8") as stream:
        return {row["name"]: tuple(digit == "1" for digit in row["parts"]) for row in csv.DictReader(stream)}


def parts_replaced(name: str) -> int | None:
    """How many of `PARTS` were replaced in a file, by its name without suffix; None where that is not known."""
    parts = edited_parts().get(name)
    return None if parts is None else sum(parts)


def was_edited_in_part(sample: Sample) -> bool:
    """Whether it is known which parts of a fake were replaced, and they are not all."""
    return parts_replaced(sample.path.stem) in range(1, len(PARTS))


def edit_mask(sample: Sample, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ellipses on the parts of a face that were replaced: how far an edit reached around them is not known.

    Args:
        sample: one of which the parts are known.
        landmarks: (5, 2), x and y in pixels of the stored picture.

    Returns:
        (288, 288, 1), 1 inside and 0 outside.
    """
    left, right, nose, *corners = landmarks
    bridge, mouth = (left + right) / 2, np.mean(corners, axis=0)
    across, along = right - left, mouth - bridge
    unit = across / max(float(np.linalg.norm(across)), 1.0)
    y, x = np.mgrid[:STORED_SIDE, :STORED_SIDE] + 0.5
    mask = np.zeros((STORED_SIDE, STORED_SIDE), bool)
    for (centre, (width, height)), replaced in zip(
        ((left, EYE), (right, EYE), ((bridge + 2 * nose) / 3, NOSE), (mouth, MOUTH)),
        edited_parts()[sample.path.stem],
        strict=True,
    ):
        if replaced:
            turned_x = ((x - centre[0]) * unit[0] + (y - centre[1]) * unit[1]) / (width * np.linalg.norm(across))
            turned_y = ((y - centre[1]) * unit[0] - (x - centre[0]) * unit[1]) / (height * np.linalg.norm(along))
            mask |= turned_x**2 + turned_y**2 <= 1
    return mask[..., None].astype(np.float32)
