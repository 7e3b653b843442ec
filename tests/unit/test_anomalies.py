from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain import Appearance, Basis, Calibration, Credentials, JudgedFrame, Media
from backend.verdict.anomalies import find_anomalies
from backend.verdict.bounds import Bound, Bounds
from backend.verdict.judging import judge_tracks
from tests.unit.judged import VIDEO, judged_face, judged_frame, judged_video
from tests.unit.test_evidence import face_with

CALIBRATION = Calibration(scale=1.0, threshold=0.0)
FROM, BELOW = ({"below": below, "false_alarm_rate": 0.03, "false_alarm_upper": 0.09} for below in (False, True))
BOUNDS: Bounds = {
    "fake_span": Bound(3, **FROM),
    "evidence_region": Bound(0.5, **FROM),
    "faces_disagree": Bound(0.5, **FROM),
    "small_face": Bound(64, **BELOW),
    "turned_face": Bound(0.3, **FROM),
    "tilted_face": Bound(15, **FROM),
    "dark_face": Bound(60, **BELOW),
    "blurred_face": Bound(0.1, **BELOW),
    "soft_face": Bound(0.5, **FROM),
    "score_flicker": Bound(0.4, **FROM),
    "unstable_score": Bound(0.2, **FROM),
    "few_sightings": Bound(0.5, **BELOW),
    "heavy_compression": Bound(0.05, **BELOW),
}


def anomalies(frames: list[JudgedFrame], basis: Basis = "face_video", media: Media = VIDEO, bounds: Bounds = BOUNDS):
    return find_anomalies(frames, judge_tracks(frames, CALIBRATION), media, basis, CALIBRATION, bounds)


def one_face(logit: float = -2.0, **changes) -> list[JudgedFrame]:
    return [judged_frame(0.0, [judged_face(logit, **changes)])]


def looking(brightness: float = 120.0, sharpness: float = 0.3, softness: float = 0.0) -> list[JudgedFrame]:
    return one_face(appearance=Appearance(brightness, sharpness, softness))


def pair(difference: float) -> list[JudgedFrame]:
    return [judged_frame(0.0, [judged_face(-2.0)]), judged_frame(0.04, [judged_face(difference - 2.0)], follows=True)]


def nose_at(x: float) -> list[JudgedFrame]:
    return one_face(landmarks=((70, 80), (154, 80), (x, 120), (80, 165), (144, 165)))


def left_eye_at(y: float) -> list[JudgedFrame]:
    return one_face(landmarks=((70, 80), (154, y), (112, (80 + y) / 2), (80, 165), (144, 165)))


CASES = {  # for each code, frames whose value passes its bound, and frames whose value just does not
    "fake_span": (judged_video([3.0] * 3), judged_video([3.0] * 2)),
    "evidence_region": ([judged_frame(0.0, [face_with(2.0)])], [judged_frame(0.0, [face_with(0.4)])]),
    "faces_disagree": (
        [judged_frame(0.0, [judged_face(-2.0, 1), judged_face(2.0, 2)])],
        [judged_frame(0.0, [judged_face(1.0, 1), judged_face(2.0, 2)])],
    ),
    "small_face": (one_face(side=63), one_face(side=64)),
    "turned_face": (nose_at(140), nose_at(135)),
    "tilted_face": (left_eye_at(105), left_eye_at(100)),
    "dark_face": (looking(brightness=59.9), looking(brightness=60.0)),
    "blurred_face": (looking(sharpness=0.09), looking(sharpness=0.1)),
    "soft_face": (looking(softness=0.5), looking(softness=0.49)),
    "score_flicker": (pair(0.5), pair(0.3)),
    "unstable_score": (one_face(view_logits=(-4.0, 0.0)), one_face(view_logits=(-2.5, -1.5))),
    "few_sightings": (
        judged_video([-2.0] * 7) + [judged_frame(20.0 + time, []) for time in range(9)],
        judged_video([-2.0] * 8) + [judged_frame(20.0 + time, []) for time in range(8)],
    ),
}


def test_a_quiet_video_has_none():
    assert anomalies(judged_video([-3.0] * 16)) == ()


@pytest.mark.parametrize("code", CASES)
def test_a_measurement_is_told_from_its_bound_on_and_with_its_false_alarms(code):
    beyond, short = CASES[code]
    (found,) = [anomaly for anomaly in anomalies(beyond) if anomaly.code == code]
    assert found.threshold == BOUNDS[code].threshold and BOUNDS[code].is_passed(found.value)
    assert (found.false_alarm_rate, found.false_alarm_upper) == (0.03, 0.09)
    assert code not in [anomaly.code for anomaly in anomalies(short)]


def test_every_bound_of_this_file_is_tried():
    assert {*CASES, "heavy_compression"} == set(BOUNDS)


@pytest.mark.parametrize(("bits", "told"), [(0.049, True), (0.05, False)])
def test_heavy_compression_is_told_of_the_file(bits, told):
    found = anomalies(judged_video([-3.0] * 4), media=replace(VIDEO, bits_per_pixel=bits))
    assert [(anomaly.code, anomaly.track) for anomaly in found] == ([("heavy_compression", None)] if told else [])


@pytest.mark.parametrize("code", CASES)
def test_what_has_no_bound_is_not_told(code):
    without = {other: bound for other, bound in BOUNDS.items() if other != code}
    assert code not in [anomaly.code for anomaly in anomalies(CASES[code][0], bounds=without)]


@pytest.mark.parametrize(("instants", "where"), [(1, "the picture"), (3, "any of the 3 instants examined")])
def test_a_file_without_a_face_says_so_and_measures_nothing(instants, where):
    found = anomalies(judged_video([5.0] * instants), "whole_frame")
    assert [anomaly.code for anomaly in found] == ["no_face"]
    assert found[0].sentence.startswith(f"No face was found in {where}: the whole frame was classified instead")
    assert found[0].false_alarm_rate is None and found[0].false_alarm_upper is None


FACTS = {
    "credentials_valid": {"credentials": Credentials("valid", declares_ai=False)},
    "credentials_invalid": {"credentials": Credentials("invalid", declares_ai=False)},
    "credentials_elsewhere": {"credentials": Credentials("elsewhere", declares_ai=False)},
    "generator_named": {"generator": "ComfyUI"},
    "editor_named": {"editor": "GIMP"},
}


@pytest.mark.parametrize("basis", ["face_video", "face_picture", "whole_frame"])
@pytest.mark.parametrize("code", FACTS)
def test_what_a_file_says_of_itself_is_a_fact_without_a_rate(code, basis):
    media = replace(VIDEO, **FACTS[code])
    found = [anomaly for anomaly in anomalies(one_face(), basis, media) if anomaly.code != "no_face"]
    assert [(one.code, one.value, one.threshold, one.false_alarm_rate) for one in found] == [(code, 1, 1, None)]


def test_credentials_that_declare_ai_are_two_facts():
    media = replace(VIDEO, credentials=Credentials("valid", declares_ai=True))
    assert [one.code for one in anomalies(one_face(), media=media)] == ["credentials_valid", "credentials_declare_ai"]


def test_named_programs_stand_in_the_sentence():
    editor, generator = anomalies(one_face(), media=replace(VIDEO, editor="GIMP", generator="ComfyUI"))[::-1]
    assert "GIMP" in editor.sentence and "ComfyUI" in generator.sentence
