"""Whether the region in which the evidence is said to lie is where the fake was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.domain import CROP_SIDE, Box, Crop, Face, JudgedFace
from backend.model.holder import LoadedModel
from backend.model.manifest import Rate
from backend.verdict.evidence import cells_of, lead_of_eyes
from training.augmentation import STORED_MARGIN, STORED_SIDE
from training.config import CROP_MARGIN
from training.dataset import Sample
from training.measured import lead_of_outline, outline_of
from training.metrics import Judged, rate
from training.network import MAP_SIDE
from training.pointing import Masked, blends, pairs

REGION_LEAD = 0.2  # logits, by which the evidence of a region must lead for it to be named
PAIRS = 2000  # few faces have one region that leads by enough
Cells = NDArray[np.bool_]  # (7, 7)
LEAST_INSIDE = 0.5  # of a region's cells, from which on it counts as inside the mask


@dataclass(frozen=True)
class Named:
    """A face whose evidence was said to lie in a region: whether that lies inside the true mask.

    `other_inside` is the same of the other region, or, beside an outline, of eyes and mouth together.
    """

    sample: Sample
    inside: bool
    other_inside: bool


Kinds = dict[str, list[Named]]  # by how the fakes were made


def region_games(samples: Sequence[Sample], model: LoadedModel, threshold: float) -> tuple[Kinds, Kinds]:
    """Faces of which a region leads by a threshold: eyes or mouth over the other, and the outline over both."""
    regions: Kinds = {}
    outlines: Kinds = {}
    for what, fakes in {"blended with themselves": blends(samples), "dfdc pairs": pairs(samples, PAIRS)}.items():
        faces = list(_faces(fakes, model))
        regions[what] = [named for face in faces if (named := _eyes_or_mouth(*face, threshold))]
        outlines[what] = [named for face in faces if (named := _outline(*face, threshold))]
    return regions, outlines


def evidence_row(what: str, fakes: Masked, model: LoadedModel) -> dict[str, Any]:
    """How often the region that is named on such fakes, around the eyes or the mouth, lies inside the true mask."""
    named = [one for face in _faces(fakes, model) if (one := _eyes_or_mouth(*face, REGION_LEAD))]
    return region_row("evidence_region", what, named)


def region_row(code: str, what: str, named: Sequence[Named]) -> dict[str, Any]:
    """How often the region that was named lies inside the true mask, how often the other, and the difference."""
    return {
        "code": code,
        "what": what,
        "faces": len(named),
        "inside": asdict(_share(named, [one.inside for one in named])),
        "other": asdict(_share(named, [one.other_inside for one in named])),
        "lead": asdict(lead(named)),
    }


def lead(named: Sequence[Named]) -> Rate:
    """How much more often the named region lies inside the mask than the other."""
    return _share(named, [one.inside - one.other_inside for one in named])


def _share(named: Sequence[Named], values: Sequence[float]) -> Rate:
    if not named:
        return Rate(0.0, 0.0, 0.0, 0)
    groups = np.array([one.sample.group for one in named], str)
    judged = Judged(np.array(values, np.float64), np.ones(len(groups), bool), groups, groups)
    return rate(judged, lambda some: float(some.logits.mean()))


def _faces(fakes: Masked, model: LoadedModel) -> Iterator[tuple[Sample, JudgedFace, Cells]]:
    """Judged faces with the cells of their maps that lie inside the true mask."""
    crops = fakes.as_served()
    scores = model.score(crops)
    for place, inside in enumerate(fakes.cells_inside()):
        yield fakes.samples[place], JudgedFace(_crop(crops[place], fakes.landmarks[place]), scores[place], 1), inside


def _eyes_or_mouth(sample: Sample, face: JudgedFace, inside: Cells, threshold: float) -> Named | None:
    lead_of = lead_of_eyes(face)
    if lead_of is None or abs(lead_of) < threshold:
        return None
    eyes, mouth = (_is_inside(inside, cells) for cells in cells_of(face.crop, MAP_SIDE))
    return Named(sample, eyes, mouth) if lead_of > 0 else Named(sample, mouth, eyes)


def _outline(sample: Sample, face: JudgedFace, inside: Cells, threshold: float) -> Named | None:
    lead_of = lead_of_outline(face)
    if lead_of is None or lead_of < threshold:
        return None
    eyes, mouth = cells_of(face.crop, MAP_SIDE)
    return Named(sample, _is_inside(inside, outline_of(face.crop, MAP_SIDE)), _is_inside(inside, eyes | mouth))


def _is_inside(inside: Cells, region: Cells) -> bool:
    return bool(inside[region].mean() >= LEAST_INSIDE)


def _crop(pixels: np.ndarray, points: np.ndarray) -> Crop:
    """A stored picture's middle, as the service would have cut it, with its landmarks."""
    side = STORED_SIDE * CROP_MARGIN / STORED_MARGIN
    start = (STORED_SIDE - side) / 2
    landmarks = tuple((float(x), float(y)) for x, y in (points - start) * (CROP_SIDE / side))
    whole = Box(0, 0, CROP_SIDE, CROP_SIDE)
    return Crop(pixels, whole, Face(whole, landmarks, 1.0))
