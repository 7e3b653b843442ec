from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from backend.domain import Analysis, Basis, Calibration, JudgedFrame
from backend.model.manifest import ErrorRates, Rate
from backend.verdict.explaining import give_reason
from backend.verdict.judging import give_verdict, judge_file, judge_tracks
from backend.verdict.wording import HEADLINES
from tests.unit.judged import VIDEO, judged_face, judged_frame, judged_video

CALIBRATION = Calibration(scale=1.0, threshold=0.0)
BAND = (0.3, 0.7)


def analysis(frames: Sequence[JudgedFrame], basis: Basis = "face_video") -> Analysis:
    tracks = judge_tracks(frames, CALIBRATION)
    probability = judge_file(tracks, CALIBRATION)
    verdict = give_verdict(probability, basis, BAND)
    return Analysis(VIDEO, hashlib.sha256().hexdigest(), tuple(frames), tracks, (), basis, probability, verdict)


def reason(frames: Sequence[JudgedFrame], basis: Basis = "face_video", measured: bool = True) -> str:
    return give_reason(analysis(frames, basis), CALIBRATION, BAND if measured else None)


def with_probability(probability: float) -> Analysis:
    verdict = give_verdict(probability, "face_picture", (0.45, 0.55))
    return Analysis(VIDEO, "", (), (), (), "face_picture", probability, verdict)


@pytest.mark.parametrize(
    ("probability", "strength", "headline"),
    [
        (0.9, "strong", "Strong evidence of manipulation"),
        (0.8999, "moderate", "Moderate evidence of manipulation"),
        (0.7, "moderate", "Moderate evidence of manipulation"),
        (0.6999, "weak", "Weak evidence of manipulation"),
        (0.5, "inconclusive", "Inconclusive: the evidence speaks neither way clearly enough"),
        (0.4, "weak", "No clear evidence of manipulation found"),
        (0.3, "moderate", "Little evidence of manipulation found"),
        (0.1, "strong", "No evidence of manipulation found"),
    ],
)
def test_the_strength_of_the_evidence_is_told_in_words(probability, strength, headline):
    judged = with_probability(probability)
    assert judged.strength == strength and HEADLINES[judged.verdict, judged.strength] == headline


def test_of_a_video_it_is_told_at_how_many_instants_it_scores_as_fake():
    frames = judged_video([-1, *[2.0] * 14, -1])
    assert reason(frames) == "Face 1 scores as fake at 14 of the 16 instants at which it was judged."
    assert reason(judged_video([-2.0] * 4)).startswith("Face 1 scores as fake at none of the 4 instants")
    assert reason(judged_video([2.0])) == "Face 1 scores 88 % fake."


def test_companions_are_not_counted():
    frames = [judged_frame(0.0, [judged_face(3.0)]), judged_frame(0.04, [judged_face(3.0)], follows=True)]
    assert "at 1 of the 2 instants" in reason([*frames, judged_frame(1.0, [judged_face(-1.0)])])


def test_of_several_faces_the_most_suspicious_is_named():
    faces = [judged_face(-3.0, 1), judged_face(3.0, 2)]
    assert reason([judged_frame(0.0, faces)], "face_picture") == (
        "The most suspicious of 2 faces, face 2, scores 95 % fake."
    )
    assert reason([judged_frame(0.0, faces), judged_frame(1.0, faces)]) == (
        "The most suspicious of 2 faces, face 2, scores as fake at 2 of the 2 instants at which it was judged."
    )


def test_a_face_seen_too_seldom_is_neither_named_nor_counted():
    frames = judged_video([-3.0] * 16)
    frames[4] = judged_frame(4.0, [judged_face(-3.0, 1), judged_face(9.0, 2)])
    assert reason(frames).startswith("Face 1 scores as fake at none of the 16 instants")


def test_what_is_inconclusive_says_why():
    assert reason(judged_video([0.4] * 4)) == (
        "Face 1 scores 60 % fake, and the model is not right often enough between 30 % and 70 %."
    )
    assert reason(judged_video([9.0]), "whole_frame").startswith("No face was found, and faces are all that")
    assert reason(judged_video([9.0]), measured=False).startswith("It was not measured how often this model is right")


@pytest.mark.parametrize(
    ("real_called_fake", "fake_called_real", "share", "right"),
    [(0.1, 0.2, 0.5, 8 / 9), (0.1, 0.2, 0.01, 0.8 / 10.7), (0.0, 0.2, 0.01, 1.0), (0.1, 1.0, 0.5, 0.0), (0, 1, 0.5, 0)],
)
def test_how_often_fake_is_right_depends_on_how_much_is_fake(real_called_fake, fake_called_real, share, right):
    rates = ErrorRates(Rate(real_called_fake, 0, 1, 100), Rate(fake_called_real, 0, 1, 100))
    assert rates.fake_right(share) == pytest.approx(right)
