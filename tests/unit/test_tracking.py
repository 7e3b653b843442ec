from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.domain import Box
from backend.faces.tracking import number_tracks

BOXES = st.builds(Box, *[st.floats(0, 1000)] * 2, *[st.floats(5, 300)] * 2)


def box(x: float, side: float = 100) -> Box:
    return Box(x, 50, side, side)


def test_a_face_that_moves_a_little_keeps_its_number():
    assert number_tracks([[box(0)], [box(40)], [box(80)]]) == [[1], [1], [1]]


def test_two_faces_keep_their_numbers_when_their_order_changes():
    assert number_tracks([[box(0), box(400)], [box(410), box(5)]]) == [[1, 2], [2, 1]]


def test_a_face_elsewhere_begins_a_track():
    assert number_tracks([[box(0)], [box(500)]]) == [[1], [2]]


def test_a_face_of_another_size_begins_a_track():
    assert number_tracks([[box(0)], [box(0, side=250)]]) == [[1], [2]]


def test_a_face_that_was_hidden_for_a_while_is_known_again():
    assert number_tracks([[box(0)], [], [box(20)]]) == [[1], [], [1]]


def test_the_nearest_face_continues_a_track():
    assert number_tracks([[box(0)], [box(60), box(10)]]) == [[1], [2, 1]]


@given(st.lists(st.lists(BOXES, max_size=5), max_size=6))
def test_no_number_is_given_twice_in_a_frame_and_numbers_have_no_gaps(frames):
    numbered = number_tracks(frames)
    assert [len(frame) for frame in numbered] == [len(frame) for frame in frames]
    assert all(len(set(frame)) == len(frame) for frame in numbered)
    used = {number for frame in numbered for number in frame}
    assert used == set(range(1, len(used) + 1))
