from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.media.instants import MOST_INSTANTS, choose_instants, instant_count

VIDEOS = st.lists(st.tuples(st.floats(0, 1000), st.booleans()), min_size=1, max_size=300, unique_by=lambda one: one[0])
EVERY_40_MS = [place / 25 for place in range(1001)]


def indexes(times, keys, least):
    return [instant.index for instant in choose_instants(times, keys, least)]


@pytest.mark.parametrize(
    ("duration", "count"), [(0, 16), (15, 16), (159, 16), (160, 17), (300, 31), (639, 64), (7200, MOST_INSTANTS)]
)
def test_long_videos_are_examined_at_least_every_ten_seconds_up_to_a_limit(duration, count):
    assert instant_count(duration, 16) == count


def test_instants_are_spread_evenly_where_key_frames_are_few():
    keys = [place == 0 for place in range(1001)]
    chosen = [EVERY_40_MS[index] for index in indexes(EVERY_40_MS, keys, 16)]
    assert len(chosen) == 16 and chosen[0] == 0
    assert all(after - before == pytest.approx(2.5, abs=0.05) for before, after in pairwise(chosen[1:]))


def test_key_frames_are_taken_where_there_are_any():
    keys = [place % 50 == 0 for place in range(1001)]
    assert all(index % 50 == 0 for index in indexes(EVERY_40_MS, keys, 16))


def test_the_last_frame_before_a_jump_is_taken_early_in_its_span():
    times = [place / 5 for place in range(41)]
    keys = [place % 30 == 0 for place in range(41)]
    assert indexes(times, keys, 5) == [0, 12, 16, 30, 32]
    assert indexes(times, keys, 4) == [0, 15, 20, 30]


def test_a_frame_that_is_all_that_is_decoded_after_a_key_frame_is_taken_soon_after_it():
    keys = [place % 125 == 0 and place < 1000 for place in range(1001)]
    assert indexes(EVERY_40_MS, keys, 16) == [
        index for key in range(0, 1000, 125) for index in (key, key + math.ceil(1000 / 16 / 4))
    ]


@given(VIDEOS.map(sorted), st.integers(1, 64))
def test_one_frame_is_chosen_in_each_span_that_has_any(video, least):
    times, keys = [time for time, _ in video], [key for _, key in video]
    chosen = indexes(times, keys, least)
    assert chosen == sorted(set(chosen)) and chosen[0] >= 0 and chosen[-1] < len(times)
    count = instant_count(times[-1] - times[0], least)
    assert 1 <= len(chosen) <= count
    span = (times[-1] - times[0]) / count
    assert all(times[after] - times[before] <= 3 * span + max_gap(times) + 1e-6 for before, after in pairwise(chosen))


def max_gap(times: list[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=0.0)


def test_every_eighth_instant_wants_its_companion():
    companions = [instant.companion for instant in choose_instants(EVERY_40_MS, [], 16)]
    assert companions == [True, *[False] * 7] * 2


@pytest.mark.parametrize(("apart", "wanted"), [(0.08, 0), (0.12, 2)])
def test_instants_that_are_close_want_no_companions(apart, wanted):
    times = [place * apart / 2 for place in range(32)]
    assert sum(instant.companion for instant in choose_instants(times, [], 16)) == wanted


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_video_of_few_frames_gives_them_all(count):
    assert indexes([place / 25 for place in range(count)], [True] + [False] * (count - 1), 64) == list(range(count))
