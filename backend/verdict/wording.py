"""Every sentence about a verdict that a user reads."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import CredentialState, MediaKind, Strength, Track, Verdict
from backend.verdict.evidence import Region

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
CREDENTIALS: dict[CredentialState, str] = {
    "valid": "The file carries Content Credentials that fit it; who signed them was not checked.",
    "invalid": "The file carries Content Credentials that do not fit it: it was changed since, or they are damaged.",
    "elsewhere": "The file says that its Content Credentials lie on a server; they were not fetched.",
}
CREDENTIALS_DECLARE_AI = "The Content Credentials say that generative AI made or changed the picture or a part of it."
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


def disagreement(most: Track, others: Sequence[Track]) -> str:
    """Some faces look fake, others do not."""
    least = min(others, key=lambda track: track.fake_probability)
    return (
        f"The faces disagree: face {most.number} scores {percent(most.fake_probability)} fake and face {least.number} "
        f"scores {percent(least.fake_probability)}; the verdict follows the most suspicious one."
    )


def evidence_region(track: int, region: Region) -> str:
    """Where on a face the evidence lies."""
    return f"What makes face {track} score as fake lies around the {region} more than elsewhere."


def small_face(track: int, side: float) -> str:
    """There is too little detail to judge."""
    return f"Face {track} is only {side:.0f} pixels tall: little detail is left to judge by."


def turned_face(track: int) -> str:
    """Profiles are judged worse."""
    return f"Face {track} is turned to a side: fakes are missed more often then."


def tilted_face(track: int, degrees: float) -> str:
    """Tilted heads are judged worse."""
    return f"Face {track} is tilted by {degrees:.0f} degrees: fakes are missed more often then."


def dark_face(track: int) -> str:
    """There is too little light to judge."""
    return f"Face {track} is dark: fakes are missed more often then."


def blurred_face(track: int) -> str:
    """There is too little sharpness to judge."""
    return f"Face {track} is blurred: fakes are missed more often then."


def soft_face(track: int, ratio: float) -> str:
    """A face that was put in is often softer than the picture around it."""
    return f"Face {track} is softer than its surroundings: they have {ratio:.1f} times as much fine detail."


def score_flicker(track: int, flicker: float) -> str:
    """A score that changes although the face hardly does."""
    return f"The score of face {track} jumps between neighbouring frames (by {flicker:.1f} logits): it is unsteady."


def unstable_score(track: int, move: float) -> str:
    """A score that hangs on how the face is looked at."""
    return (
        f"The score of face {track} moves by {round(100 * move)} points of 100 when the face is mirrored or looked at "
        "from closer: it is unsteady."
    )


def heavy_compression(kind: MediaKind, bits: float) -> str:
    """What gives fakes away may have been compressed away."""
    return f"The {kind} is heavily compressed ({bits:.2g} bits a pixel): traces of manipulation may be gone."


def editor_named(editor: str) -> str:
    """Metadata name a program for editing."""
    return f"The metadata name {editor}, which edits pictures; much that is published passes through such programs."


def generator_named(generator: str) -> str:
    """Metadata name a program for generating."""
    return f"The metadata name {generator}, which generates or alters pictures; anyone may have written them."


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
