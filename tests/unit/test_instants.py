from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.media.instants import COMPANION_WITHIN, MOST_INSTANTS, choose_frames, instant_count

TIMES = st.lists(st.floats(0, 1000), min_size=1, max_size=300, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("duration", "count"), [(0, 16), (15, 16), (159, 16), (160, 17), (300, 31), (639, 64), (7200, MOST_INSTANTS)]
)
def test_long_videos_are_examined_at_least_every_ten_seconds_up_to_a_limit(duration, count):
    assert instant_count(duration, 16) == count


def test_instants_are_spread_evenly():
    times = [place / 25 for place in range(1001)]
    chosen = [times[want.index] for want in choose_frames(times, 16) if not want.follows]
    assert len(chosen) == 16
    gaps = [after - before for before, after in pairwise(chosen)]
    assert max(gaps) - min(gaps) < 0.09
    assert chosen[0] == pytest.approx(40 - chosen[-1], abs=0.05)


def test_every_fourth_instant_has_a_companion_a_frame_later():
    times = [place / 25 for place in range(1001)]
    wanted = choose_frames(times, 16)
    companions = [want.index for want in wanted if want.follows]
    instants = [want.index for want in wanted if not want.follows]
    assert companions == [index + 1 for index in instants[::4]]


def test_no_companion_where_the_next_frame_is_too_late():
    assert not any(want.follows for want in choose_frames([place * 0.2 for place in range(200)], 16))


@given(TIMES, st.integers(1, 64))
def test_frames_are_chosen_in_order_and_none_twice(times, least):
    wanted = choose_frames(times, least)
    indexes = [want.index for want in wanted]
    assert indexes == sorted(set(indexes)) and indexes[0] >= 0 and indexes[-1] < len(times)
    assert 1 <= sum(not want.follows for want in wanted) <= max(least, MOST_INSTANTS)
    for want in wanted:
        if want.follows:
            assert times[want.index] - times[want.index - 1] <= COMPANION_WITHIN


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_video_of_few_frames_gives_them_all(count):
    assert [want.index for want in choose_frames([place / 25 for place in range(count)], 16)] == list(range(count))
