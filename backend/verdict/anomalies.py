"""What a reader should know of a file, each by a measurement that passed its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from backend.domain import Anomaly, Basis, Calibration, JudgedFrame, Track
from backend.verdict import wording

SMALL_FACE = 64  # pixels, longer side of the box: below, less than a third of the network's input is real detail
DISAGREEMENT = 0.5  # difference of fake probability between two faces of one file
FAKE_FRAME = 0.5  # fake probability
FEW_SIGHTINGS = 0.5  # share of the instants


def find_anomalies(
    frames: Sequence[JudgedFrame], tracks: Sequence[Track], basis: Basis, calibration: Calibration
) -> tuple[Anomaly, ...]:
    """All anomalies of a file, in a fixed order."""
    instants = [frame for frame in frames if not frame.frame.follows]
    if basis == "whole_frame":
        return (Anomaly("no_face", 0, 1, wording.no_face(len(instants))),)
    found = [*_small_faces(instants, tracks), *_disagreement(tracks)]
    if basis == "face_video":
        found += [*_few_sightings(instants), *_fake_spans(instants, tracks, calibration)]
    return tuple(found)


def _small_faces(instants: Sequence[JudgedFrame], tracks: Sequence[Track]) -> Iterator[Anomaly]:
    for track in tracks:
        sides = [
            face.crop.face.box.longer_side
            for frame in instants
            for face in frame.faces
            if face.track == track.number and face.crop.face is not None
        ]
        if track.judged and (side := median(sides)) < SMALL_FACE:
            yield Anomaly(
                "small_face", round(side, 1), SMALL_FACE, wording.small_face(track.number, side), track=track.number
            )


def _disagreement(tracks: Sequence[Track]) -> Iterator[Anomaly]:
    judged = sorted((track for track in tracks if track.judged), key=lambda track: -track.fake_probability)
    if len(judged) < 2:
        return
    difference = judged[0].fake_probability - judged[-1].fake_probability
    if difference >= DISAGREEMENT:
        others = [track for track in judged[1:] if judged[0].fake_probability - track.fake_probability >= DISAGREEMENT]
        sentence = wording.disagreement(judged[0], others)
        yield Anomaly("faces_disagree", round(difference, 4), DISAGREEMENT, sentence, track=judged[0].number)


def _few_sightings(instants: Sequence[JudgedFrame]) -> Iterator[Anomaly]:
    seen = sum(bool(frame.faces) for frame in instants)
    share = seen / len(instants)
    if share < FEW_SIGHTINGS:
        yield Anomaly("few_sightings", round(share, 4), FEW_SIGHTINGS, wording.few_sightings(seen, len(instants)))


def _fake_spans(
    instants: Sequence[JudgedFrame], tracks: Sequence[Track], calibration: Calibration
) -> Iterator[Anomaly]:
    """Successive instants at which a face scores as fake: their mean probability, and from when to when."""
    for track in tracks:
        scores = [
            (frame.frame.time, calibration.fake_probability(face.score.logit))
            for frame in instants
            for face in frame.faces
            if face.track == track.number
        ]
        for is_fake, run in groupby(scores, key=lambda score: score[1] >= FAKE_FRAME):
            span = list(run)
            if track.judged and is_fake and len(span) >= 2:
                mean = sum(probability for _, probability in span) / len(span)
                start, end = span[0][0], span[-1][0]
                sentence = wording.fake_span(track.number, start, end, len(span), mean)
                yield Anomaly("fake_span", round(mean, 4), FAKE_FRAME, sentence, (start, end), track.number)
