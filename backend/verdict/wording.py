"""Every sentence about a verdict that a user reads."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Track

NOT_EXAMINED = ("sound", "the time between the examined instants")


def no_face(instants: int) -> str:
    """Nothing that the network was trained for is in the file."""
    where = "the picture" if instants == 1 else f"any of the {instants} instants examined"
    return f"No face was found in {where}: the whole frame was classified instead, which proves little."


def small_face(track: int, side: float) -> str:
    """There is too little detail to judge."""
    return f"Face {track} is only {side:.0f} pixels tall: little detail is left to judge by."


def disagreement(most: Track, others: Sequence[Track]) -> str:
    """Some faces look fake, others do not."""
    named = ", ".join(f"face {track.number} ({percent(track.fake_probability)})" for track in others)
    return (
        f"The faces disagree: face {most.number} scores {percent(most.fake_probability)} fake, but {named} "
        f"{'does' if len(others) == 1 else 'do'} not; the verdict follows the most suspicious one."
    )


def few_sightings(seen: int, instants: int) -> str:
    """The verdict rests on a small part of the video."""
    return f"A face was found at {seen} of {instants} examined instants only."


def fake_span(track: int, start: float, end: float, instants: int, mean: float) -> str:
    """Where in time the evidence lies."""
    return (
        f"Face {track} scores as fake from {start:.1f} s to {end:.1f} s "
        f"({instants} instants, {percent(mean)} on average)."
    )


def percent(probability: float) -> str:
    """A probability in whole per cent, never 0 or 100."""
    return f"{min(max(round(100 * probability), 1), 99)} %"
