"""What is measured of a file beyond its verdict, each with the sentence that tells it; pure arithmetic on scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from backend.domain import Basis, Calibration, Face, JudgedFace, JudgedFrame, Media, Track
from backend.verdict import wording
from backend.verdict.evidence import find_peak

FAKE = 0.5  # fake probability
LEAST_EYE_DISTANCE = 1.0  # pixels


@dataclass(frozen=True)
class Measurement:
    """One number, and what it means for a reader if it passes its bound."""

    code: str
    value: float
    sentence: str
    track: int | None = None
    time_span: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face at an instant."""

    time: float
    face: JudgedFace


def measure(
    frames: Sequence[JudgedFrame], tracks: Sequence[Track], media: Media, basis: Basis, calibration: Calibration
) -> Iterator[Measurement]:
    """Everything that is measured of a file in which there are faces, in a fixed order."""
    instants = [frame for frame in frames if not frame.frame.follows]
    judged = [track for track in tracks if track.judged]
    sightings = {track.number: list(_sightings(instants, track.number)) for track in judged}
    for track in judged:
        seen = sightings[track.number]
        if basis == "face_video":
            yield from _fake_spans(track, seen, calibration)
        yield from _evidence_region(track, seen)
    yield from _disagreement(judged)
    for track in judged:
        seen = sightings[track.number]
        yield from _looks(track, seen)
        yield from _instability(track, seen, calibration)
    if basis == "face_video":
        yield from _few_sightings(instants)
    bits = media.bits_per_pixel
    yield Measurement("heavy_compression", round(bits, 4), wording.heavy_compression(media.kind, bits))


def turn_of(face: Face) -> float:
    """How far a face is turned to a side: the nose's way from between the eyes, in distances of the eyes."""
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y), *_ = face.landmarks
    across_x, across_y = left_x - right_x, left_y - right_y
    squared = max(across_x**2 + across_y**2, LEAST_EYE_DISTANCE**2)
    way = (nose_x - (left_x + right_x) / 2) * across_x + (nose_y - (left_y + right_y) / 2) * across_y
    return abs(way) / squared


def tilt_of(face: Face) -> float:
    """Degrees by which the line between the eyes is tilted."""
    (right_x, right_y), (left_x, left_y), *_ = face.landmarks
    return abs(math.degrees(math.atan2(left_y - right_y, left_x - right_x)))


def _sightings(instants: Sequence[JudgedFrame], number: int) -> Iterator[Sighting]:
    for frame in instants:
        for face in frame.faces:
            if face.track == number:
                yield Sighting(frame.frame.time, face)


def _fake_spans(track: Track, seen: Sequence[Sighting], calibration: Calibration) -> Iterator[Measurement]:
    """Successive instants at which a face scores as fake: how many."""
    scores = [(one.time, calibration.fake_probability(one.face.score.logit)) for one in seen]
    for is_fake, run in groupby(scores, key=lambda score: score[1] >= FAKE):
        span = list(run)
        if is_fake:
            mean = sum(probability for _, probability in span) / len(span)
            start, end = span[0][0], span[-1][0]
            sentence = wording.fake_span(track.number, start, end, len(span), mean)
            yield Measurement("fake_span", len(span), sentence, track.number, (start, end))


def _evidence_region(track: Track, seen: Sequence[Sighting]) -> Iterator[Measurement]:
    """Where on a face that scores as fake the evidence lies."""
    if track.fake_probability < FAKE:
        return
    peak = find_peak([one.face for one in seen])
    if peak:
        sentence = wording.evidence_region(track.number, peak.region)
        yield Measurement("evidence_region", round(peak.lead, 4), sentence, track.number)


def _disagreement(judged: Sequence[Track]) -> Iterator[Measurement]:
    ordered = sorted(judged, key=lambda track: -track.fake_probability)
    if len(ordered) < 2:
        return
    difference = ordered[0].fake_probability - ordered[-1].fake_probability
    yield Measurement(
        "faces_disagree", round(difference, 4), wording.disagreement(ordered[0], ordered[1:]), ordered[0].number
    )


def _looks(track: Track, seen: Sequence[Sighting]) -> Iterator[Measurement]:
    """What makes a face hard to judge, and how it lies in its surroundings: medians over the instants."""
    number = track.number
    faces = [one.face.crop.face for one in seen if one.face.crop.face]
    looks = [one.face.crop.appearance for one in seen if one.face.crop.appearance]
    side = median(face.box.longer_side for face in faces)
    yield Measurement("small_face", round(side, 1), wording.small_face(number, side), number)
    turn = median(turn_of(face) for face in faces)
    yield Measurement("turned_face", round(turn, 4), wording.turned_face(number), number)
    tilt = median(tilt_of(face) for face in faces)
    yield Measurement("tilted_face", round(tilt, 1), wording.tilted_face(number, tilt), number)
    if looks:
        brightness = median(look.brightness for look in looks)
        yield Measurement("dark_face", round(brightness, 1), wording.dark_face(number), number)
        sharpness = median(look.sharpness for look in looks)
        yield Measurement("blurred_face", round(sharpness, 4), wording.blurred_face(number), number)
    softness = [look.softness for look in looks if look.softness is not None]
    if softness:
        ratio = median(softness)
        yield Measurement("soft_face", round(ratio, 4), wording.soft_face(number, 2**ratio), number)


def _instability(track: Track, seen: Sequence[Sighting], calibration: Calibration) -> Iterator[Measurement]:
    """How far a score moves where it should not: from a frame to the next, and between views of one crop."""
    if track.flicker is not None:
        yield Measurement(
            "score_flicker", round(track.flicker, 4), wording.score_flicker(track.number, track.flicker), track.number
        )
    moves = [
        abs(calibration.fake_probability(logit) - calibration.fake_probability(one.face.score.logit))
        for one in seen
        for logit in one.face.score.view_logits or ()
    ]
    if moves:
        move = max(moves)
        yield Measurement("unstable_score", round(move, 4), wording.unstable_score(track.number, move), track.number)


def _few_sightings(instants: Sequence[JudgedFrame]) -> Iterator[Measurement]:
    seen = sum(bool(frame.faces) for frame in instants)
    sentence = wording.few_sightings(seen, len(instants))
    yield Measurement("few_sightings", round(seen / len(instants), 4), sentence)
