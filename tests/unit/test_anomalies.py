from __future__ import annotations

import pytest

from backend.domain import Basis, Calibration, JudgedFrame
from backend.verdict.anomalies import SMALL_FACE, find_anomalies
from backend.verdict.judging import judge_tracks
from tests.unit.judged import judged_face, judged_frame, judged_video

CALIBRATION = Calibration(scale=1.0, threshold=0.0)


def anomalies(frames: list[JudgedFrame], basis: Basis = "face_video"):
    return find_anomalies(frames, judge_tracks(frames, CALIBRATION), basis, CALIBRATION)


def test_a_quiet_video_has_none():
    assert anomalies(judged_video([-3.0] * 16)) == ()


def test_spans_in_which_a_face_scores_fake_are_told_with_their_times():
    found = anomalies(judged_video([-2, -2, 3, 3, 3, -2, 4, 4]))
    assert [anomaly.time_span for anomaly in found] == [(2.0, 4.0), (6.0, 7.0)]
    assert found[0].code == "fake_span" and found[0].value == pytest.approx(0.9526, abs=1e-4)
    assert found[0].sentence == "Face 1 scores as fake from 2.0 s to 4.0 s (3 instants, 95 % on average)."


def test_a_single_instant_is_no_span():
    assert anomalies(judged_video([-2, -2, 3, -2, -2])) == ()


def test_companions_make_no_span():
    frames = [judged_frame(0.0, [judged_face(3.0)]), judged_frame(0.04, [judged_face(3.0)], follows=True)]
    assert anomalies([*frames, *judged_video([-2.0] * 3)[1:]]) == ()


@pytest.mark.parametrize(("side", "count"), [(SMALL_FACE - 1, 1), (SMALL_FACE, 0)])
def test_small_faces_are_told_below_the_bound(side, count):
    frames = [judged_frame(0.0, [judged_face(-2.0, side=side)])]
    found = [anomaly for anomaly in anomalies(frames, "face_picture") if anomaly.code == "small_face"]
    assert len(found) == count
    assert all(anomaly.value == side and anomaly.threshold == SMALL_FACE for anomaly in found)


def test_faces_that_disagree_are_named():
    frames = [judged_frame(float(time), [judged_face(-3.0, 1), judged_face(3.0, 2)]) for time in range(4)]
    (found,) = [anomaly for anomaly in anomalies(frames) if anomaly.code == "faces_disagree"]
    assert found.track == 2 and found.value == pytest.approx(0.9051, abs=1e-4)
    assert found.sentence == (
        "The faces disagree: face 2 scores 95 % fake, but face 1 (5 %) does not; "
        "the verdict follows the most suspicious one."
    )


def test_faces_that_agree_are_not():
    frames = [judged_frame(0.0, [judged_face(2.0, 1), judged_face(3.0, 2)])]
    assert [anomaly.code for anomaly in anomalies(frames, "face_picture")] == []


@pytest.mark.parametrize(("seen", "told"), [(7, True), (8, False)])
def test_faces_at_less_than_half_of_the_instants_are_told(seen, told):
    frames = judged_video([-2.0] * seen) + [judged_frame(20.0 + time, []) for time in range(16 - seen)]
    assert ("few_sightings" in [anomaly.code for anomaly in anomalies(frames)]) is told


@pytest.mark.parametrize(("instants", "where"), [(1, "the picture"), (3, "any of the 3 instants examined")])
def test_a_file_without_a_face_says_so_and_nothing_else(instants, where):
    found = anomalies(judged_video([5.0] * instants), "whole_frame")
    assert [anomaly.code for anomaly in found] == ["no_face"]
    assert found[0].sentence.startswith(f"No face was found in {where}: the whole frame was classified instead")
