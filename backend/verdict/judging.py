"""Scored crops to tracks, and tracks to a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from backend.domain import Basis, Calibration, JudgedFrame, MediaKind, Track, Verdict
from backend.verdict.aggregation import file_logit, is_long_enough, track_logit


@dataclass(frozen=True)
class Sighting:
    """One track in one frame."""

    time: float
    follows: bool
    logit: float


def choose_basis(kind: MediaKind, any_face: bool) -> Basis:
    """What a verdict rests on."""
    if not any_face:
        return "whole_frame"
    return "face_video" if kind == "video" else "face_picture"


def judge_tracks(frames: Sequence[JudgedFrame], calibration: Calibration) -> tuple[Track, ...]:
    """Gather the scores of each track over the instants; companions of instants count for flicker alone.

    Where no face is seen often enough to speak for the file, all of them speak.
    """
    instants = sum(not frame.frame.follows for frame in frames)
    sightings: defaultdict[int, list[Sighting]] = defaultdict(list)
    for frame in frames:
        for face in frame.faces:
            sightings[face.track].append(Sighting(frame.frame.time, frame.frame.follows, face.score.logit))
    at_instants = {number: [one for one in seen if not one.follows] for number, seen in sightings.items()}
    at_instants = {number: seen for number, seen in at_instants.items() if seen}
    long_enough = {number for number, seen in at_instants.items() if is_long_enough(len(seen), instants)}
    tracks = []
    for number, seen in sorted(at_instants.items()):
        logit = track_logit([one.logit for one in seen])
        tracks.append(
            Track(
                number=number,
                first_time=seen[0].time,
                last_time=seen[-1].time,
                instants=len(seen),
                logit=logit,
                fake_probability=calibration.fake_probability(logit),
                judged=number in long_enough or not long_enough,
                flicker=_flicker(sightings[number]),
            )
        )
    return tuple(tracks)


def judge_file(tracks: Sequence[Track], calibration: Calibration) -> float:
    """The calibrated probability that a file is fake: that of its most suspicious judged track."""
    return calibration.fake_probability(file_logit([track.logit for track in tracks if track.judged]))


def give_verdict(fake_probability: float, basis: Basis, inconclusive: tuple[float, float]) -> Verdict:
    """Real or fake outside the inconclusive band; a whole frame is never more than inconclusive."""
    low, high = inconclusive
    if basis == "whole_frame" or low < fake_probability < high:
        return "inconclusive"
    return "fake" if fake_probability >= 0.5 else "real"


def _flicker(seen: Sequence[Sighting]) -> float | None:
    """Mean absolute change of the logit from an instant to its companion."""
    changes = [abs(after.logit - before.logit) for before, after in pairwise(seen) if after.follows]
    return sum(changes) / len(changes) if changes else None
