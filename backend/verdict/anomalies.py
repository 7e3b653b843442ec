"""What a reader should know of a file: measurements that passed their bounds, and facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.domain import Anomaly, Basis, Calibration, JudgedFrame, Media, Track
from backend.verdict import wording
from backend.verdict.bounds import Bound, Bounds
from backend.verdict.measures import Measurement, measure


def find_anomalies(
    frames: Sequence[JudgedFrame],
    tracks: Sequence[Track],
    media: Media,
    basis: Basis,
    calibration: Calibration,
    bounds: Bounds,
) -> tuple[Anomaly, ...]:
    """All anomalies of a file, in a fixed order: facts first."""
    facts = list(_facts(media))
    if basis == "whole_frame":
        instants = sum(not frame.frame.follows for frame in frames)
        return (_fact("no_face", wording.no_face(instants)), *facts)
    measured = measure(frames, tracks, media, basis, calibration)
    return (
        *facts,
        *(
            _anomaly(one, bounds[one.code])
            for one in measured
            if one.code in bounds and bounds[one.code].is_passed(one.value)
        ),
    )


def _facts(media: Media) -> Iterator[Anomaly]:
    """What a file says of itself; that it says nothing proves nothing."""
    credentials = media.credentials
    if credentials:
        yield _fact(f"credentials_{credentials.state}", wording.CREDENTIALS[credentials.state])
        if credentials.declares_ai:
            yield _fact("credentials_declare_ai", wording.CREDENTIALS_DECLARE_AI)
    if media.generator:
        yield _fact("generator_named", wording.generator_named(media.generator))
    if media.editor:
        yield _fact("editor_named", wording.editor_named(media.editor))


def _fact(code: str, sentence: str) -> Anomaly:
    """Something that is so, without a bound that was measured: its value is 1 of 1."""
    return Anomaly(code, value=1, threshold=1, sentence=sentence)


def _anomaly(measurement: Measurement, bound: Bound) -> Anomaly:
    return Anomaly(
        code=measurement.code,
        value=measurement.value,
        threshold=bound.threshold,
        sentence=measurement.sentence,
        time_span=measurement.time_span,
        track=measurement.track,
        false_alarm_rate=bound.false_alarm_rate,
        false_alarm_upper=bound.false_alarm_upper,
    )
