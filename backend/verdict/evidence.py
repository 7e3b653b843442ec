"""Where on a face the evidence lies: around the eyes or around the mouth, by logit maps and landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE, Crop, JudgedFace

Region = Literal["eyes", "mouth"]

REACH = 0.5  # distances of the eyes: a cell of the map whose centre is so near to eyes or mouth belongs to them
LEAST_EYE_DISTANCE = 20.0  # pixels of the crop: where a face is in profile, its eyes nearly fall together
STABLE_SHARE = 0.8  # of the instants, that must name the same region


@dataclass(frozen=True)
class Peak:
    """The region where the map is higher, by how much (mean over instants, in logits)."""

    region: Region
    lead: float


def find_peak(faces: Sequence[JudgedFace]) -> Peak | None:
    """The region with the most evidence in the sightings of one face; None where instants do not agree on one."""
    leads = [lead for face in faces if (lead := lead_of_eyes(face)) is not None]
    if not leads:
        return None
    mean = float(np.mean(leads))
    if np.mean(np.sign(leads) == np.sign(mean)) < STABLE_SHARE:
        return None
    return Peak("eyes" if mean > 0 else "mouth", abs(mean))


def lead_of_eyes(face: JudgedFace) -> float | None:
    """By how much the map is higher around the eyes than around the mouth; None where that cannot be told."""
    if face.score.logit_map is None or face.crop.face is None:
        return None
    eyes, mouth = cells_of(face.crop, len(face.score.logit_map))
    if not (eyes.any() and mouth.any()):
        return None
    return float(face.score.logit_map[eyes].mean() - face.score.logit_map[mouth].mean())


def cells_of(crop: Crop, side: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells of a (side, side) map lie around the eyes, and which around the mouth, of a face's crop."""
    right_eye, left_eye, _, *corners = landmarks_in(crop)
    unit = max(float(np.linalg.norm(left_eye - right_eye)), LEAST_EYE_DISTANCE)
    to_eyes, to_mouth = (_distances(start, end, side) / unit for start, end in ((right_eye, left_eye), corners))
    return (to_eyes < REACH) & (to_eyes < to_mouth), (to_mouth < REACH) & (to_mouth <= to_eyes)


def landmarks_in(crop: Crop) -> NDArray[np.float64]:
    """The landmarks of a crop's face in its own pixels, (5, 2)."""
    assert crop.face is not None  # noqa: S101  # for the type checker
    return (np.array(crop.face.landmarks) - (crop.region.x, crop.region.y)) * (CROP_SIDE / crop.region.width)


def places_of(side: int) -> NDArray[np.float64]:
    """The centres of the cells of a (side, side) map, (side, side, 2), in pixels of the crop."""
    centres = (np.arange(side) + 0.5) * CROP_SIDE / side
    return np.stack(np.meshgrid(centres, centres), axis=-1)


def _distances(start: NDArray[np.float64], end: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Distances of the cells' centres from the line between two points, (side, side), in pixels of the crop."""
    places = places_of(side)
    along = end - start
    share = np.clip((places - start) @ along / max(float(along @ along), 1e-6), 0, 1)
    return np.asarray(np.linalg.norm(places - start - share[..., None] * along, axis=-1), np.float64)
