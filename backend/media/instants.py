"""Which moments of a video are looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_GAP = 10.0  # seconds between instants, as long as there are no more than MOST_INSTANTS
MOST_INSTANTS = 64
COMPANION_EVERY = 4  # instants: so often the next frame is taken too, so that flicker can be measured
COMPANION_WITHIN = 0.1  # seconds


@dataclass(frozen=True)
class Wanted:
    """A frame to be decoded, by its place in the order of presentation."""

    index: int
    follows: bool


def instant_count(duration: float, least: int) -> int:
    """How many instants a video of so many seconds is examined at: `least`, or more if it is long."""
    return max(least, min(MOST_INSTANTS, int(duration // LONGEST_GAP) + 1))


def choose_frames(times: Sequence[float], least: int) -> list[Wanted]:
    """Choose frames spread evenly over a video, in order, none twice.

    Args:
        times: presentation times of all its frames in seconds, rising.
        least: the number of instants for a short video; fewer if it has fewer frames.
    """
    start, end = times[0], times[-1]
    count = instant_count(end - start, least)
    instants = [start + (place + 0.5) * (end - start) / count for place in range(count)]
    chosen = sorted({_nearest(times, instant) for instant in instants})
    companions = {
        index + 1
        for index in chosen[::COMPANION_EVERY]
        if index + 1 < len(times) and times[index + 1] - times[index] <= COMPANION_WITHIN
    } - set(chosen)
    return [Wanted(index, index in companions) for index in sorted({*chosen, *companions})]


def _nearest(times: Sequence[float], instant: float) -> int:
    after = min(bisect_left(times, instant), len(times) - 1)
    before = max(after - 1, 0)
    return before if instant - times[before] <= times[after] - instant else after
