from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.dataset import Sample
from training.edits import PARTS, edit_mask, edited_parts, parts_replaced, was_edited_in_part

POINTS = np.array([[100, 110], [180, 110], [140, 150], [110, 190], [170, 190]], np.float32)
CENTRES = dict(zip(PARTS, ((100, 110), (180, 110), (140, 140), (140, 190)), strict=True))


def sample(name: str) -> Sample:
    return Sample(Path(f"{name}.jpg"), fake=True, source="ciplab", method="", role="val", group="")


@pytest.fixture
def known() -> dict[str, str]:
    """A file of which one part was replaced, and one of which all were."""
    return {str(count): next(name for name, parts in edited_parts().items() if sum(parts) == count) for count in (1, 4)}


def test_every_file_that_is_known_had_a_part_replaced():
    assert len(edited_parts()) == 720
    assert all(len(parts) == len(PARTS) and any(parts) for parts in edited_parts().values())


def test_edits_in_part_are_those_of_some_parts_and_not_of_all(known):
    assert was_edited_in_part(sample(known["1"]))
    assert not was_edited_in_part(sample(known["4"])) and not was_edited_in_part(sample("unheard of"))
    assert parts_replaced("unheard of") is None


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_a_mask_lies_on_what_was_replaced_and_on_nothing_else(monkeypatch, turn):
    around = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def turned(points: object) -> np.ndarray:
        return (np.asarray(points, np.float64) - 144) @ around + 144

    for part in PARTS:
        monkeypatch.setattr("training.edits.edited_parts", lambda: {"a": tuple(name == part for name in PARTS)})  # noqa: B023
        mask = edit_mask(sample("a"), turned(POINTS).astype(np.float32))
        assert mask.shape == (288, 288, 1) and set(np.unique(mask)) == {0.0, 1.0} and mask.mean() < 0.1
        for name, centre in CENTRES.items():
            x, y = turned(centre)
            assert mask[round(y), round(x), 0] == (name == part)
