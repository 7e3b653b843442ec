"""Every sentence about a verdict that a user reads."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Strength, Track, Verdict

NOT_EXAMINED = ("sound", "the time between the examined instants")

HEADLINES: dict[tuple[Verdict, Strength], str] = {
    ("fake", "strong"): "Strong evidence of manipulation",
    ("fake", "moderate"): "Moderate evidence of manipulation",
    ("fake", "weak"): "Weak evidence of manipulation",
    ("real", "strong"): "No evidence of manipulation found",
    ("real", "moderate"): "Little evidence of manipulation found",
    ("real", "weak"): "No clear evidence of manipulation found",
    ("inconclusive", "inconclusive"): "Inconclusive: the evidence speaks neither way clearly enough",
}
NO_FACE_TO_JUDGE = "No face was found, and faces are all that the model can judge."
UNCALIBRATED = "It was not measured how often this model is right, so nothing follows from its scores."


def fake_instants(track: Track, faces: int, fake: int) -> str:
    """How much of the video a verdict rests on."""
    return (
        f"{_suspect(track, faces)} scores as fake at {fake or 'none'} of the {track.instants} instants at which it was "
        "judged."
    )


def fake_once(track: Track, faces: int) -> str:
    """What a verdict on a picture, or on one instant of a video, rests on."""
    return f"{_suspect(track, faces)} scores {percent(track.fake_probability)} fake."


def between(track: Track, faces: int, low: float, high: float) -> str:
    """The model was not right often enough at such scores."""
    return (
        f"{_suspect(track, faces)} scores {percent(track.fake_probability)} fake, and the model is not right often "
        f"enough between {percent(low)} and {percent(high)}."
    )


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


def _suspect(track: Track, faces: int) -> str:
    return f"Face {track.number}" if faces == 1 else f"The most suspicious of {faces} faces, face {track.number},"


def percent(probability: float) -> str:
    """A probability in whole per cent, never 0 or 100."""
    return f"{min(max(round(100 * probability), 1), 99)} %"
