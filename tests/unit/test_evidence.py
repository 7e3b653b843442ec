from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backend.verdict.evidence import Peak, cells_of, find_peak, lead_of_eyes
from tests.unit.judged import judged_face

EYES, MOUTH = (slice(1, 4), slice(2, 5)), (slice(4, 6), slice(2, 5))  # rows and columns in which FRONTAL has them
FINITE = st.floats(-20, 20, width=32)
MAPS = arrays(np.float32, (7, 7), elements=FINITE)


def face_with(lead: float, place: tuple[int, slice] = EYES, **changes):
    logit_map = np.full((7, 7), 1.0, np.float32)
    logit_map[place] += lead
    return judged_face(1.0, logit_map=logit_map, **changes)


def test_cells_are_around_eyes_and_mouth_and_in_one_of_them():
    eyes, mouth = cells_of(judged_face(0.0).crop, 7)
    assert eyes[EYES].all() and mouth[MOUTH].all() and not (eyes & mouth).any()
    assert not eyes[6].any() and not mouth[:4].any() and not (eyes | mouth)[:, [0, 6]].any()


@pytest.mark.parametrize(("place", "region"), [(EYES, "eyes"), (MOUTH, "mouth")])
def test_the_region_where_the_map_is_higher_is_named(place, region):
    peak = find_peak([face_with(2.0, place)] * 3)
    assert peak is not None and peak.region == region and 0.5 < peak.lead <= 2.0


def test_it_is_named_where_the_face_is_in_the_picture_not_where_it_is_in_the_crop():
    upside_down = [(224 - x, 224 - y) for x, y in ((70, 80), (154, 80), (112, 120), (80, 165), (144, 165))]
    peak = find_peak([face_with(2.0, (slice(4, 6), slice(2, 5)), landmarks=upside_down)])
    assert peak is not None and peak.region == "eyes"


@pytest.mark.parametrize(("agreeing", "named"), [(8, True), (7, False)])
def test_it_is_named_where_four_of_five_instants_agree(agreeing, named):
    seen = [face_with(2.0)] * agreeing + [face_with(0.1, MOUTH)] * (10 - agreeing)
    assert (find_peak(seen) is not None) is named


def test_without_a_map_nothing_is_named():
    face = judged_face(1.0)
    assert find_peak([type(face)(face.crop, type(face.score)(1.0, None), 1)]) is None
    assert find_peak([]) is None


@given(MAPS, st.floats(-5, 5, width=32))
def test_what_the_whole_map_gains_is_no_lead(logit_map, gain):
    before = lead_of_eyes(judged_face(0.0, logit_map=logit_map))
    after = lead_of_eyes(judged_face(0.0, logit_map=logit_map + np.float32(gain)))
    assert before is not None and after == pytest.approx(before, abs=1e-4)


@given(MAPS, st.integers(1, 16))
def test_one_map_seen_often_leads_as_seen_once(logit_map, times):
    once = find_peak([judged_face(0.0, logit_map=logit_map)])
    often = find_peak([judged_face(0.0, logit_map=logit_map)] * times)
    assert (once is None) == (often is None)
    if once and often:
        assert isinstance(once, Peak) and often.region == once.region and often.lead == pytest.approx(once.lead)


@given(st.lists(st.tuples(st.floats(-300, 600), st.floats(-300, 600)), min_size=5, max_size=5))
def test_any_landmarks_give_cells_that_do_not_overlap(landmarks):
    eyes, mouth = cells_of(judged_face(0.0, landmarks=landmarks).crop, 7)
    assert eyes.shape == mouth.shape == (7, 7) and not (eyes & mouth).any()
