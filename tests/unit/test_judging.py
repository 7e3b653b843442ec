from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import Calibration
from backend.verdict.judging import choose_basis, give_verdict, judge_file, judge_tracks
from tests.unit.judged import judged_face, judged_frame, judged_video

CALIBRATION = Calibration(scale=2.0, threshold=1.0)
LOGITS = st.lists(st.floats(-20, 20), min_size=1, max_size=20)


def test_the_threshold_is_where_real_and_fake_are_equally_likely():
    assert CALIBRATION.fake_probability(1.0) == 0.5
    assert CALIBRATION.fake_probability(2.0) == pytest.approx(0.880797, abs=1e-6)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_probabilities_rise_with_the_logit_and_stay_probabilities(one, other):
    low, high = sorted((one, other))
    assert 0 <= CALIBRATION.fake_probability(low) <= CALIBRATION.fake_probability(high) <= 1


def test_a_track_tells_when_its_face_was_seen_and_averages_its_logits():
    (track,) = judge_tracks(judged_video([1.0, 2.0, 6.0]), CALIBRATION)
    assert (track.number, track.first_time, track.last_time, track.instants) == (1, 0.0, 2.0, 3)
    assert track.logit == pytest.approx(3.0)
    assert track.fake_probability == pytest.approx(CALIBRATION.fake_probability(3.0))


@given(LOGITS)
def test_a_track_lies_between_its_frames(logits):
    (track,) = judge_tracks(judged_video(logits), CALIBRATION)
    assert min(logits) - 1e-9 <= track.logit <= max(logits) + 1e-9


def test_the_most_suspicious_track_speaks_for_the_file():
    frames = [judged_frame(float(time), [judged_face(-4.0, 1), judged_face(3.0, 2)]) for time in range(4)]
    tracks = judge_tracks(frames, CALIBRATION)
    assert judge_file(tracks, CALIBRATION) == pytest.approx(CALIBRATION.fake_probability(3.0))


def test_a_face_seen_too_seldom_does_not_speak_for_a_video():
    frames = judged_video([-3.0] * 16)
    frames[4] = judged_frame(4.0, [judged_face(-3.0, 1), judged_face(9.0, 2)])
    steady, passing = judge_tracks(frames, CALIBRATION)
    assert steady.judged and not passing.judged
    assert judge_file([steady, passing], CALIBRATION) == pytest.approx(CALIBRATION.fake_probability(-3.0))


def test_where_every_face_is_seen_seldom_they_all_speak():
    frames = [judged_frame(float(time), []) for time in range(16)]
    frames[3] = judged_frame(3.0, [judged_face(2.0, 1)])
    frames[9] = judged_frame(9.0, [judged_face(5.0, 2)])
    tracks = judge_tracks(frames, CALIBRATION)
    assert [track.judged for track in tracks] == [True, True]
    assert judge_file(tracks, CALIBRATION) == pytest.approx(CALIBRATION.fake_probability(5.0))


def test_companions_count_for_flicker_alone():
    frames = [
        judged_frame(0.0, [judged_face(1.0)]),
        judged_frame(0.04, [judged_face(3.0)], follows=True),
        judged_frame(1.0, [judged_face(1.0)]),
        judged_frame(1.04, [judged_face(0.0)], follows=True),
        judged_frame(2.0, [judged_face(7.0)]),
    ]
    (track,) = judge_tracks(frames, CALIBRATION)
    assert track.logit == pytest.approx(3.0) and track.instants == 3
    assert track.flicker == pytest.approx((2.0 + 1.0) / 2)


def test_instants_that_are_close_and_cut_alike_tell_flicker_too():
    frames = [judged_frame(0.08 * place, [judged_face(logit)]) for place, logit in enumerate([1.0, 2.0, 5.0])]
    (track,) = judge_tracks(frames, CALIBRATION)
    assert track.instants == 3 and track.flicker == pytest.approx((1.0 + 3.0) / 2)


@pytest.mark.parametrize(("time", "side"), [(0.11, 100), (0.08, 101), (-0.01, 100)])
def test_a_face_from_elsewhere_in_time_or_place_tells_no_flicker(time, side):
    frames = [judged_frame(0.0, [judged_face(1.0)]), judged_frame(time, [judged_face(5.0, side=side)])]
    (track,) = judge_tracks(frames, CALIBRATION)
    assert track.flicker is None


@pytest.mark.parametrize(
    ("kind", "any_face", "basis"),
    [
        ("video", True, "face_video"),
        ("picture", True, "face_picture"),
        ("video", False, "whole_frame"),
        ("picture", False, "whole_frame"),
    ],
)
def test_the_basis_says_what_the_verdict_rests_on(kind, any_face, basis):
    assert choose_basis(kind, any_face) == basis


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(0.1, "real"), (0.3, "real"), (0.31, "inconclusive"), (0.5, "inconclusive"), (0.7, "fake"), (0.99, "fake")],
)
def test_no_verdict_is_given_strictly_inside_the_band(probability, verdict):
    assert give_verdict(probability, "face_video", (0.3, 0.7)) == verdict


@pytest.mark.parametrize("probability", [0.001, 0.999])
def test_a_whole_frame_is_always_inconclusive(probability):
    assert give_verdict(probability, "whole_frame", (0.5, 0.5)) == "inconclusive"
