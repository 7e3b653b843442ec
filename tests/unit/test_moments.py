from __future__ import annotations

import numpy as np
import pytest

from backend import examination
from backend.domain import CLOSE, Box, Face, Frame
from backend.examination import together
from backend.faces import examining
from backend.faces.examining import MEASURED_EVERY, examine

FACE = Face(Box(20, 20, 40, 40), ((0.0, 0.0),) * 5, 0.9)


def frame(time: float, follows: bool = False, side: int = 100) -> Frame:
    return Frame(time, np.zeros((side, side, 3), np.uint8), follows)


def grouped(frames: list[Frame]) -> list[tuple[int, list[float]]]:
    return [(place, [one.time for one in moment]) for place, moment in together(frames)]


def test_frames_that_come_soon_after_another_belong_to_its_moment():
    frames = [frame(0), frame(0.05, follows=True), frame(0.08), frame(0.16), frame(0.24), frame(0.5)]
    assert grouped(frames) == [(0, [0, 0.05, 0.08]), (2, [0.16, 0.24]), (4, [0.5])]


def test_a_moment_ends_with_the_time_in_which_a_face_does_not_move_far():
    assert grouped([frame(0), frame(CLOSE)]) == [(0, [0, CLOSE])]
    assert grouped([frame(0), frame(CLOSE + 0.001)]) == [(0, [0]), (1, [CLOSE + 0.001])]


def test_a_frame_of_another_size_begins_a_moment():
    assert grouped([frame(0), frame(0.05, side=50)]) == [(0, [0]), (1, [0.05])]


def test_a_frame_from_before_begins_a_moment():
    assert grouped([frame(5), frame(1)]) == [(0, [5]), (1, [1])]


def test_large_frames_go_one_by_one_with_their_companions(monkeypatch):
    frames = [frame(0), frame(0.01, follows=True), frame(0.02), frame(0.03)]
    monkeypatch.setattr(examination, "MOST_TOGETHER", 4 * frames[0].pixels.nbytes)
    assert grouped(frames) == [(0, [0, 0.01, 0.02, 0.03])]
    monkeypatch.setattr(examination, "MOST_TOGETHER", frames[0].pixels.nbytes)
    assert grouped(frames) == [(0, [0, 0.01]), (1, [0.02]), (2, [0.03])]


def test_a_face_that_the_first_frame_of_a_moment_lacks_is_found_in_the_next(monkeypatch):
    monkeypatch.setattr(examining, "find_faces", lambda pixels, *_: [FACE] if pixels.any() else [])
    frames = [frame(0), frame(0.01, follows=True), frame(0.04), frame(0.08)]
    frames[2].pixels[:] = 200
    examined = examine(frames, 0.7, 8, 1.0)
    assert [one.crops[0].face for one in examined] == [None, None, FACE, FACE]


def test_the_faces_of_a_moment_are_found_once_and_cut_from_each_frame(monkeypatch):
    searched = []
    monkeypatch.setattr(examining, "find_faces", lambda pixels, *_: searched.append(pixels) or [FACE])
    frames = [frame(0), frame(0.08)]
    frames[1].pixels[:] = 200
    examined = examine(frames, 0.7, 8, 1.0)
    assert len(searched) == 1 and searched[0] is frames[0].pixels
    assert [one.crops[0].face for one in examined] == [FACE, FACE]
    assert [one.crops[0].pixels.max() for one in examined] == [0, 200]


@pytest.mark.parametrize(("place", "measured"), [(None, []), (0, [0.0]), (MEASURED_EVERY - 1, [0.08])])
def test_looks_are_measured_at_every_fourth_instant_wherever_moments_begin(monkeypatch, place, measured):
    monkeypatch.setattr(examining, "find_faces", lambda *_: [FACE])
    examined = examine([frame(0), frame(0.04, follows=True), frame(0.08)], 0.7, 8, 1.0, place=place)
    assert [one.time for one in examined if one.crops[0].appearance] == measured
