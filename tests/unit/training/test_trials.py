from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.model.holder import LoadedModel
from backend.model.manifest import Rate
from backend.verdict.bounds import BOUNDS_PATH
from tests.fakes import MANIFEST, FakeClassifier
from tests.generators import face_frames, face_picture, write_picture, write_video
from training.anomalies import BASES, CANDIDATES, bounds_of
from training.card import TRIED_PATH
from training.dataset import Sample
from training.measured import MeasuredFile, measure_files
from training.regions import Named
from training.spoiling import Step, spoil
from training.trials import (
    MOST_FALSE_ALARMS,
    Candidate,
    Tried,
    lowest_threshold,
    rounded,
    try_evidence,
    try_hard,
    try_input,
    try_region,
    try_several_faces,
    try_warning,
)


def file(number: int, fake: bool, value: float | None, probability: float | None = None) -> MeasuredFile:
    """Each in a group of its own; judged rightly unless a probability is given."""
    sample = Sample(Path(f"{number}.png"), fake, "web", "", "val", f"group {number}")
    judged = float(fake) if probability is None else probability
    values = {} if value is None else {"measured": value}
    return MeasuredFile(sample, "face_picture", judged, 0.5, values, (), ())


def files(reals: Sequence[float | None], fakes: Sequence[float | None]) -> list[MeasuredFile]:
    labelled = [(False, value) for value in reals] + [(True, value) for value in fakes]
    return [file(number, fake, value) for number, (fake, value) in enumerate(labelled)]


def candidate(role: str, **changes) -> Candidate:
    return Candidate("measured", "face_picture", role, **changes)


def rate(value: float, low: float) -> Rate:
    return Rate(value, low, 1.0, 100)


RISING = [place / 100 for place in range(100)]


def test_what_tells_fake_from_real_is_kept_with_a_threshold_that_few_reals_reach():
    tried = try_evidence(candidate("evidence"), files(RISING, [2.0] * 40))
    assert tried.kept and tried.figure.value == 1.0
    assert tried.told_of_real.value <= MOST_FALSE_ALARMS and tried.told_of_fake.value == 1.0


def test_what_does_not_is_dropped():
    assert not try_evidence(candidate("evidence"), files(RISING, RISING)).kept


def test_what_the_service_does_not_measure_is_dropped_whatever_it_proves():
    assert not try_evidence(candidate("evidence", served=False), files(RISING, [2.0] * 40)).kept


def test_files_without_a_value_are_not_told_and_have_the_value_that_is_said_of_them():
    tried = try_evidence(candidate("evidence", threshold=1, otherwise=0), files([None] * 9 + [2], [2.0] * 9 + [None]))
    assert tried.told_of_real.value == 0.1 and tried.told_of_fake.value == 0.9
    assert tried.figure.value == pytest.approx(0.9)


def test_a_warning_is_kept_where_verdicts_are_wrong_more_often():
    right = [file(number, number % 2 == 0, 0.0) for number in range(60)]
    wrong = [file(100 + number, number % 2 == 0, 1.0, probability=float(number % 2)) for number in range(20)]
    tried = try_warning(candidate("warning", threshold=0.5), right + wrong)
    assert tried.kept and tried.figure.value == 1.0 and "100% wrong where told, 0% elsewhere" in tried.proof


def test_a_warning_that_is_told_anywhere_is_dropped():
    some = [file(n, n % 2 == 0, float(n % 4 < 2), probability=float(n % 8 < 4)) for n in range(80)]
    assert not try_warning(candidate("warning", threshold=0.5), some).kept


def test_what_is_hard_to_judge_is_kept_where_more_fakes_are_missed_whatever_becomes_of_reals():
    found, missed = (
        [file(at + n, True, float(told), probability=p) for n in range(40)]
        for at, told, p in ((0, False, 0.9), (100, True, 0.1))
    )
    wrong_reals = [file(200 + n, False, 0.0, probability=0.9) for n in range(200)]
    tried = try_hard(candidate("hard", threshold=0.5), [*found, *missed, *wrong_reals])
    assert tried.kept and tried.figure.value == 1.0
    assert not try_hard(candidate("hard", threshold=0.5), [*found, *wrong_reals, *files([], RISING)]).kept


def test_a_bad_input_is_bounded_by_the_first_step_at_which_fakes_are_missed():
    steps = [Step(0.9, rate(0.01, 0.0)), Step(0.6, rate(0.2, 0.1)), Step(0.3, rate(0.5, 0.4))]
    tried = try_input(candidate("input"), files(RISING, RISING), steps)
    assert tried.kept and tried.threshold == 0.6


@pytest.mark.parametrize("lost", [rate(0.04, 0.01), rate(0.3, -0.1)])
def test_a_bad_input_that_costs_little_or_perhaps_nothing_is_dropped(lost):
    assert not try_input(candidate("input"), files(RISING, RISING), [Step(0.5, lost)]).kept


def test_a_region_must_prove_itself_on_every_kind_of_fake():
    def named(inside: bool) -> list[Named]:
        return [Named(one.sample, inside, not inside) for one in files([], RISING)]

    region = candidate("region", threshold=0.2)
    assert try_region(region, files(RISING, RISING), {"a": named(True), "b": named(True)}).kept
    assert not try_region(region, files(RISING, RISING), {"a": named(True), "b": named(False)}).kept


def test_disagreement_is_tried_on_a_fake_beside_a_genuine_face():
    tried = try_several_faces(candidate("several faces", threshold=0.5), files(RISING, RISING))
    assert tried.kept and tried.told_of_fake.value == 1.0 and tried.told_of_real.value == 0.0


def test_no_false_alarm_among_few_groups_is_no_rate_of_nothing():
    tried = try_evidence(candidate("evidence", threshold=5), files([0.0] * 10, [6.0] * 10))
    assert tried.told_of_real.value == 0.0 and tried.told_of_real.high == pytest.approx(1 - 0.025**0.1, abs=1e-4)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=200))
def test_the_chosen_threshold_is_reached_by_few_reals(values):
    threshold = lowest_threshold(np.array(values))
    assert (np.array(values) >= threshold).mean() <= MOST_FALSE_ALARMS


@given(st.floats(1e-6, 1e6))
def test_thresholds_have_two_digits(value):
    assert rounded(value) == pytest.approx(value, rel=0.051) and float(f"{rounded(value):.2g}") == rounded(value)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[MeasuredFile]:
    folder = tmp_path_factory.mktemp("measured")
    paths = [write_picture(folder / "0.jpg", face_picture()), write_video(folder / "1.mp4", face_frames(50))]
    samples = [Sample(path, True, "web", "", "val", path.stem) for path in paths]
    return measure_files(samples, LoadedModel(FakeClassifier(), MANIFEST), "files")


def test_every_candidate_is_measured(measured):
    for basis, one in zip(("face_picture", "face_video"), measured, strict=True):
        codes = {candidate.code for candidate in CANDIDATES if candidate.basis == basis}
        codes -= {"faces_disagree", "evidence_region"}  # there is one face; its map is flat
        assert one.basis == basis and codes <= set(one.values)
        assert not one.wrong


def test_files_are_made_worse_for_every_candidate_of_bad_input(measured):
    for one in measured:
        steps = spoil([one], one.basis, LoadedModel(FakeClassifier(), MANIFEST))
        assert set(steps) == {c.code for c in CANDIDATES if c.basis == one.basis and c.role == "input"}
        for taken in steps.values():
            bounds = [step.bound for step in taken]
            assert bounds == sorted(bounds, reverse=True) and len(set(bounds)) == len(bounds)
            assert {step.lost.value for step in taken} == {0.0}


def test_the_bounds_that_are_served_are_those_that_were_tried_and_kept():
    told = json.loads(TRIED_PATH.read_text())
    tried = [
        Tried(**row | {name: Rate(**row[name]) for name in ("told_of_real", "told_of_fake", "figure")})
        for row in told["tried"]
    ]
    assert [(one.code, one.basis) for one in tried] == [(one.code, one.basis) for one in CANDIDATES]
    assert json.loads(BOUNDS_PATH.read_text()) == bounds_of(tried, told["model_sha256"])
    assert all(any(one.kept and one.basis == basis for one in tried) for basis in BASES)
