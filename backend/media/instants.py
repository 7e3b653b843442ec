"""Which moments of a video are looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from backend.domain import CLOSE, Media

LONGEST_GAP = 10.0  # seconds between instants, as long as there are no more than MOST_INSTANTS
MOST_INSTANTS = 64
APART = 1 / 4  # of a span: so far behind a key frame is the one instant that is decoded from it
COMPANION_EVERY = 8  # instants: so often the next frame is taken too, where the next instant does not show flicker


@dataclass(frozen=True)
class Instant:
    """A moment to be looked at: the frame's place in order of presentation, and whether the next is wanted too."""

    index: int
    companion: bool


def instant_count(duration: float, least: int) -> int:
    """How many instants a video of so many seconds is examined at: `least`, or more if it is long."""
    return max(least, min(MOST_INSTANTS, int(duration // LONGEST_GAP) + 1))


def expected_instants(media: Media, least: int) -> int:
    """How many instants of a file will probably be examined, before its frames are known; seldom more than are."""
    if media.duration is None:
        return 1
    frames = round(media.duration * (media.frames_per_second or 0))
    return max(1, min(instant_count(media.duration, least), frames))


def choose_instants(times: Sequence[float], is_key: Sequence[bool], least: int) -> list[Instant]:
    """Choose one frame in each of many equal spans of a video, in order, none twice, the cheapest to decode.

    In a span with key frames that is the key frame nearest to its middle; in others the frame in the middle, or,
    where decoding stops behind it because the next span has a key frame, the first. Where it is all that is decoded
    after a key frame, it is taken soon after that, be it in the span before.

    Args:
        times: presentation times of all frames in seconds, rising.
        is_key: which of them are key frames, from which decoding can start.
        least: the number of spans of a short video; fewer frames are chosen if it has fewer.
    """
    start, end = times[0], times[-1]
    count = instant_count(end - start, least)
    edges = [start + place * (end - start) / count for place in range(count + 1)]
    places = [bisect_left(times, edge) for edge in edges[:-1]] + [len(times)]
    keys = [index for index, key in enumerate(is_key) if key]
    chosen: list[int] = []
    behind_key = False
    for span in range(count):
        first, last = places[span], places[span + 1]
        if first == last:
            continue
        middle = (edges[span] + edges[span + 1]) / 2
        candidates = keys_within = _within(keys, first, last)
        if not keys_within:
            is_last = span + 1 == count
            next_has_key = not is_last and bool(_within(keys, last, places[span + 2]))
            candidates = [first] if next_has_key else range(first, last)
            if behind_key and (is_last or next_has_key):
                soon = bisect_left(times, times[chosen[-1]] + APART * (end - start) / count)
                candidates = [min(max(soon, chosen[-1] + 1), last - 1)]
        chosen.append(min(candidates, key=lambda index: abs(times[index] - middle)))
        behind_key = bool(keys_within)
    return [
        Instant(index, companion=place % COMPANION_EVERY == 0 and _lacks_neighbour(times, index, after))
        for place, (index, after) in enumerate(pairwise([*chosen, len(times)]))
    ]


def _lacks_neighbour(times: Sequence[float], index: int, after: int) -> bool:
    """Whether there is a next frame, and the next instant, which may be none, is too far away to stand in for it."""
    return index + 1 < after and (after == len(times) or times[after] - times[index] > CLOSE)


def _within(indexes: Sequence[int], first: int, last: int) -> Sequence[int]:
    return indexes[bisect_left(indexes, first) : bisect_left(indexes, last)]
