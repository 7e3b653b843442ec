"""Scored crops to tracks, and tracks to a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import mean

from backend.domain import CLOSE, Basis, Calibration, JudgedFace, JudgedFrame, MediaKind, Track, Verdict
from backend.verdict.aggregation import file_logit, is_long_enough, track_logit


@dataclass(frozen=True)
class Sighting:
    """One track at one instant."""

    time: float
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
    instants = [frame for frame in frames if not frame.frame.follows]
    changes: defaultdict[int, list[float]] = defaultdict(list)
    for before, after in close_pairs(frames):
        changes[before.track].append(abs(after.score.logit - before.score.logit))
    sightings: defaultdict[int, list[Sighting]] = defaultdict(list)
    for frame in instants:
        for face in frame.faces:
            sightings[face.track].append(Sighting(frame.frame.time, face.score.logit))
    long_enough = {number for number, seen in sightings.items() if is_long_enough(len(seen), len(instants))}
    tracks = []
    for number, seen in sorted(sightings.items()):
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
                flicker=mean(changes[number]) if changes[number] else None,
            )
        )
    return tuple(tracks)


def close_pairs(frames: Sequence[JudgedFrame]) -> Iterator[tuple[JudgedFace, JudgedFace]]:
    """Each track in two frames at most CLOSE apart and cut alike, so that nothing but what they show has changed."""
    for before, after in pairwise(frames):
        if 0 <= after.frame.time - before.frame.time <= CLOSE:
            for one, other in product(before.faces, after.faces):
                if one.track == other.track and one.crop.region == other.crop.region:
                    yield one, other


def judge_file(tracks: Sequence[Track], calibration: Calibration) -> float:
    """The calibrated probability that a file is fake: that of its most suspicious judged track."""
    return calibration.fake_probability(file_logit([track.logit for track in tracks if track.judged]))


def give_verdict(fake_probability: float, basis: Basis, inconclusive: tuple[float, float]) -> Verdict:
    """Real or fake outside the inconclusive band; a whole frame is never more than inconclusive."""
    low, high = inconclusive
    if basis == "whole_frame" or low < fake_probability < high:
        return "inconclusive"
    return "fake" if fake_probability >= 0.5 else "real"
