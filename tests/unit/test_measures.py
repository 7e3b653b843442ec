from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import Appearance, Basis, Box, Calibration, Face, JudgedFrame
from backend.verdict.judging import judge_tracks
from backend.verdict.measures import Measurement, measure, tilt_of, turn_of
from tests.unit.judged import FRONTAL, VIDEO, judged_face, judged_frame, judged_video
from tests.unit.test_evidence import MOUTH, face_with

CALIBRATION = Calibration(scale=1.0, threshold=0.0)


def measured(frames: list[JudgedFrame], code: str, basis: Basis = "face_video") -> list[Measurement]:
    found = measure(frames, judge_tracks(frames, CALIBRATION), VIDEO, basis, CALIBRATION)
    return [one for one in found if one.code == code]


def picture(**changes) -> list[JudgedFrame]:
    return [judged_frame(0.0, [judged_face(-2.0, **changes)])]


def test_spans_in_which_a_face_scores_fake_are_counted_in_instants():
    first, second = measured(judged_video([-2, -2, 3, 3, 3, -2, 4, 4]), "fake_span")
    assert (first.value, first.time_span, first.track) == (3, (2.0, 4.0), 1)
    assert (second.value, second.time_span) == (2, (6.0, 7.0))
    assert first.sentence == "Face 1 scores as fake from 2.0 s to 4.0 s (3 instants, 95 % on average)."


def test_companions_lengthen_no_span():
    frames = [judged_frame(0.0, [judged_face(3.0)]), judged_frame(0.04, [judged_face(3.0)], follows=True)]
    (span,) = measured([*frames, *judged_video([-2.0] * 3)[1:]], "fake_span")
    assert span.value == 1


def test_pictures_and_faces_seen_too_seldom_have_no_span():
    assert measured([judged_frame(0.0, [judged_face(3.0)])], "fake_span", "face_picture") == []
    seldom = [judged_frame(20.0, [judged_face(3.0, track=2)]), judged_frame(21.0, [judged_face(3.0, track=2)])]
    assert measured([*judged_video([-2.0] * 16), *seldom], "fake_span") == []


def test_the_evidence_of_a_face_that_scores_fake_is_somewhere():
    (found,) = measured([judged_frame(0.0, [face_with(2.0, MOUTH)])], "evidence_region")
    assert 0.5 < found.value <= 2.0 and found.track == 1
    assert found.sentence == "What makes face 1 score as fake lies around the mouth more than elsewhere."
    face = face_with(2.0, MOUTH)
    real = type(face)(face.crop, type(face.score)(-2.0, face.score.logit_map), 1)
    assert measured([judged_frame(0.0, [real])], "evidence_region") == []


def test_faces_differ_by_their_fake_probabilities():
    frames = [judged_frame(float(time), [judged_face(-3.0, 1), judged_face(3.0, 2)]) for time in range(4)]
    (found,) = measured(frames, "faces_disagree")
    assert found.track == 2 and found.value == pytest.approx(0.9051, abs=1e-4)
    assert found.sentence == (
        "The faces disagree: face 2 scores 95 % fake and face 1 scores 5 %; "
        "the verdict follows the most suspicious one."
    )


def test_one_face_cannot_disagree():
    assert measured(judged_video([3.0] * 4), "faces_disagree") == []


def test_a_face_is_as_small_as_in_half_of_its_instants():
    frames = [judged_frame(float(time), [judged_face(-2.0, side=side)]) for time, side in enumerate((40, 50, 90))]
    (found,) = measured(frames, "small_face")
    assert found.value == 50 and found.sentence.startswith("Face 1 is only 50 pixels tall")


def test_looks_are_the_medians_of_those_instants_at_which_they_were_measured():
    looks = [None, Appearance(40.0, 0.2, 1.0), None, Appearance(60.0, 0.1, None), Appearance(80.0, 0.3, 2.0)]
    frames = [judged_frame(float(t), [judged_face(-2.0, appearance=look)]) for t, look in enumerate(looks)]
    values = {code: measured(frames, code)[0].value for code in ("dark_face", "blurred_face", "soft_face")}
    assert values == {"dark_face": 60.0, "blurred_face": 0.2, "soft_face": 1.5}
    assert "2.8 times as much fine detail" in measured(frames, "soft_face")[0].sentence


@pytest.mark.parametrize("code", ["dark_face", "blurred_face", "soft_face"])
def test_what_was_not_measured_is_not_told(code):
    assert measured(judged_video([-2.0] * 4), code) == []


def test_flicker_is_that_of_the_track():
    frames = [judged_frame(0.0, [judged_face(1.0)]), judged_frame(0.04, [judged_face(1.8)], follows=True)]
    (found,) = measured(frames, "score_flicker")
    assert found.value == pytest.approx(0.8) and "by 0.8 logits" in found.sentence
    assert measured(judged_video([1.0, 1.8]), "score_flicker") == []


def test_a_score_moves_from_view_to_view():
    (found,) = measured(picture(view_logits=(0.0, 2.0, -2.0)), "unstable_score", "face_picture")
    assert found.value == pytest.approx(0.7616, abs=1e-4) and "by 76 points of 100" in found.sentence
    assert measured(picture(), "unstable_score", "face_picture") == []


def test_sightings_are_a_share_of_the_instants():
    frames = judged_video([-2.0] * 7) + [judged_frame(20.0 + time, []) for time in range(9)]
    (found,) = measured(frames, "few_sightings")
    assert found.value == 0.4375 and found.sentence == "A face was found at 7 of 16 examined instants only."


def test_compression_is_told_in_bits_of_a_pixel():
    (found,) = measured(judged_video([-2.0]), "heavy_compression")
    assert found.value == 0.1 and found.track is None and "0.1 bits a pixel" in found.sentence


def face(landmarks) -> Face:
    return Face(Box(0, 0, 224, 224), tuple(landmarks), 0.9)


def test_a_frontal_face_is_neither_turned_nor_tilted():
    assert turn_of(face(FRONTAL)) == 0.0 and tilt_of(face(FRONTAL)) == 0.0


def test_a_nose_below_an_eye_is_half_a_turn_and_level_eyes_no_tilt():
    turned = [*FRONTAL[:2], (FRONTAL[1][0], 120.0), *FRONTAL[3:]]
    assert turn_of(face(turned)) == pytest.approx(0.5)
    tilted = [(0.0, 0.0), (50.0, 50.0), *FRONTAL[2:]]
    assert tilt_of(face(tilted)) == pytest.approx(45.0)


@given(st.floats(0.1, 10), st.floats(-500, 500))
def test_turns_are_the_same_wherever_and_however_large_a_face_is(scale, shift):
    turned = [*FRONTAL[:2], (140.0, 120.0), *FRONTAL[3:]]
    moved = [(x * scale + shift, y * scale - shift) for x, y in turned]
    assert turn_of(face(moved)) == pytest.approx(turn_of(face(turned)), rel=1e-6, abs=1e-6)
    assert tilt_of(face(moved)) == pytest.approx(0.0, abs=1e-6)


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=5, max_size=5))
def test_any_landmarks_have_a_turn_and_a_tilt(landmarks):
    assert turn_of(face(landmarks)) >= 0 and 0 <= tilt_of(face(landmarks)) <= 180
