"""Why a file got its verdict, in a sentence."""

from __future__ import annotations

from backend.domain import Analysis, Calibration
from backend.verdict import wording
from backend.verdict.measures import FAKE


def give_reason(analysis: Analysis, calibration: Calibration, inconclusive: tuple[float, float] | None) -> str:
    """What was measured that the verdict rests on; `inconclusive` is None where it is not known what scores mean."""
    if analysis.basis == "whole_frame":
        return wording.NO_FACE_TO_JUDGE
    if inconclusive is None:
        return wording.UNCALIBRATED
    judged = [track for track in analysis.tracks if track.judged]
    suspect = max(judged, key=lambda track: track.logit)
    if analysis.verdict == "inconclusive":
        return wording.between(suspect, len(judged), *inconclusive)
    if suspect.instants == 1:
        return wording.fake_once(suspect, len(judged))
    fake = sum(
        calibration.fake_probability(face.score.logit) >= FAKE
        for frame in analysis.frames
        for face in frame.faces
        if face.track == suspect.number and not frame.frame.follows
    )
    return wording.fake_instants(suspect, len(judged), fake)
