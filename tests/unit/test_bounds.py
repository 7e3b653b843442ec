from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import ROOT
from backend.model.manifest import read_manifest
from backend.verdict.bounds import BOUNDS_PATH, Bound, bounds_for

SHIPPED = read_manifest(ROOT / "temp_model.json").sha256
BASES = ("face_video", "face_picture")


@pytest.mark.parametrize(
    ("below", "value", "passed"),
    [
        (False, 0.4, True),
        (False, 0.39, False),
        (True, 0.4, False),
        (True, 0.39, True),
    ],
)
def test_a_bound_is_passed_from_its_threshold_on_or_below_it(below, value, passed):
    assert Bound(0.4, below, None, None).is_passed(value) is passed


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_value_passes_one_of_the_two_sides(threshold, value):
    assert Bound(threshold, True, None, None).is_passed(value) != Bound(threshold, False, None, None).is_passed(value)


@pytest.mark.parametrize("basis", BASES)
def test_the_shipped_models_false_alarms_are_told_with_their_upper_bounds(basis):
    bounds = bounds_for(basis, SHIPPED)
    assert bounds
    for bound in bounds.values():
        assert 0 <= bound.false_alarm_rate <= bound.false_alarm_upper <= 1 and bound.false_alarm_upper > 0


@pytest.mark.parametrize("basis", BASES)
def test_another_model_has_the_thresholds_without_the_rates(basis):
    ours, others = bounds_for(basis, SHIPPED), bounds_for(basis, "0" * 64)
    assert {code: bound.threshold for code, bound in ours.items()} == {c: b.threshold for c, b in others.items()}
    assert {(bound.false_alarm_rate, bound.false_alarm_upper) for bound in others.values()} == {(None, None)}


def test_whole_frames_have_none():
    assert bounds_for("whole_frame", SHIPPED) == {}


def test_the_bounds_are_of_the_shipped_model():
    assert json.loads(BOUNDS_PATH.read_text())["model_sha256"] == SHIPPED
