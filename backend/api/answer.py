"""An Analysis to the JSON that a client gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from backend.api import contract
from backend.api.contract import (
    AnomalyFacts,
    FaceFacts,
    FrameFacts,
    JudgeFacts,
    Meaning,
    ModelFacts,
    Success,
    TrackFacts,
)
from backend.domain import Analysis, Anomaly, Basis, Calibration, JudgedFace, JudgedFrame, Media, PublishedFrame, Track
from backend.examination import Examination
from backend.model.manifest import SHARES_OF_FAKES, Manifest
from backend.progress import Progress
from backend.verdict.explaining import give_reason
from backend.verdict.wording import HEADLINES, NOT_EXAMINED

SURE = 0.9999  # no probability is told as certain


def success_answer(
    analysis: Analysis,
    published: Sequence[PublishedFrame] | None,
    manifest: Manifest,
    examination: Examination,
    precision: str,
    identity: str,
    timing_ms: Mapping[str, float],
    expires_at: datetime | None,
) -> Success:
    """The whole body of a successful answer; `published` is None where nothing was to be stored.

    `details` is documented field by field in the README and in `contract`.
    """
    calibration = manifest.calibration_of(analysis.basis)
    instants = [frame for frame in analysis.frames if not frame.frame.follows]
    names = [None] * len(instants) if published is None else published
    return {
        "status": "success",
        "prediction": analysis.prediction,
        "confidence": round(analysis.confidence, 4),
        "frames": [frame.annotated for frame in published or ()],
        "anomalies": [anomaly.sentence for anomaly in analysis.anomalies],
        "details": {
            "id": identity,
            "sha256": analysis.sha256,
            "verdict": analysis.verdict,
            "strength": analysis.strength,
            "headline": HEADLINES[analysis.verdict, analysis.strength],
            "reason": give_reason(
                analysis, calibration, manifest.inconclusive_band(analysis.basis) if manifest.calibrated else None
            ),
            "basis": analysis.basis,
            "fake_probability": told(analysis.fake_probability),
            "media": _media(analysis.media),
            "coverage": {
                "instants_examined": len(instants),
                "frames_examined": len(analysis.frames),
                "faces_judged": sum(len(frame.faces) for frame in analysis.frames) if _has_faces(analysis) else 0,
                "not_examined": list(NOT_EXAMINED if analysis.media.kind == "video" else ()),
            },
            "tracks": [_track(track) for track in analysis.tracks],
            "frames": [_frame(frame, its, calibration) for frame, its in zip(instants, names, strict=True)],
            "anomalies": [_anomaly(anomaly) for anomaly in analysis.anomalies],
            "model": _judge(manifest, analysis.basis),
            "settings": {
                "instants": examination.least_instants,
                "faces_per_frame": examination.faces_per_frame,
                "crop_margin": examination.crop_margin,
                "detector_threshold": examination.detector_threshold,
                "precision": precision,
            },
            "timing_ms": dict(timing_ms),
            "expires_at": rfc_3339(expires_at) if expires_at else None,
        },
    }


def analysis_answer(identity: str, progress: Progress) -> contract.Analysis:
    """How far an analysis is."""
    return {
        "id": identity,
        "state": progress.state,
        "instants_examined": progress.instants_examined,
        "instants_expected": progress.instants_expected,
        "expires_at": rfc_3339(progress.expires_at) if progress.expires_at else None,
    }


def model_facts(manifest: Manifest) -> ModelFacts:
    """What a client may know of the model, among it how often it was wrong on validation files."""
    return {
        "version": manifest.version,
        "sha256": manifest.sha256,
        "calibrated": manifest.calibrated,
        "prior": manifest.prior,
        "error_rates": manifest.error_rates,
    }


def rfc_3339(time: datetime) -> str:
    """A time in UTC."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def told(probability: float) -> float:
    """A probability in four decimals, never 0 or 1."""
    return round(min(max(probability, 1 - SURE), SURE), 4)


def _has_faces(analysis: Analysis) -> bool:
    return analysis.basis != "whole_frame"


def _judge(manifest: Manifest, basis: Basis) -> JudgeFacts:
    return {
        **model_facts(manifest),
        "threshold": round(manifest.calibration_of(basis).threshold, 4),
        "inconclusive": list(manifest.inconclusive_band(basis)),
        "meaning": _meaning(manifest, basis),
    }


def _meaning(manifest: Manifest, basis: Basis) -> Meaning | None:
    rates = manifest.error_rates.get(basis)
    if rates is None:
        return None
    return {
        "real_called_fake": rates.real_called_fake,
        "fake_called_real": rates.fake_called_real,
        "fake_right_of_fakes": [
            {"share_of_fakes": share, "right": told(rates.fake_right(share))} for share in SHARES_OF_FAKES
        ],
    }


def _frame(frame: JudgedFrame, names: PublishedFrame | None, calibration: Calibration) -> FrameFacts:
    return {
        "time": round(frame.frame.time, 3),
        "width": frame.frame.width,
        "height": frame.frame.height,
        "annotated_url": f"/static/{names.annotated}" if names else None,
        "plain_url": f"/static/{names.plain}" if names else None,
        "faces": [_face(face, calibration) for face in frame.faces],
    }


def _face(face: JudgedFace, calibration: Calibration) -> FaceFacts:
    logit_map = face.score.logit_map
    return {
        "track": face.track,
        "box": _rounded(face.crop.face.box) if face.crop.face else None,
        "region": _rounded(face.crop.region),
        "fake_probability": told(calibration.fake_probability(face.score.logit)),
        "logit": round(face.score.logit, 4),
        "view_logits": None if face.score.view_logits is None else [round(one, 4) for one in face.score.view_logits],
        "logit_map": None if logit_map is None else [[round(float(value), 3) for value in row] for row in logit_map],
    }


def _rounded(box: Sequence[float]) -> list[float]:
    return [round(value, 1) for value in box]


def _media(media: Media) -> Media:
    duration, rate = media.duration, media.frames_per_second
    return replace(
        media,
        duration=None if duration is None else round(duration, 3),
        frames_per_second=None if rate is None else round(rate, 3),
        bits_per_pixel=round(media.bits_per_pixel, 4),
    )


def _track(track: Track) -> TrackFacts:
    return {
        "number": track.number,
        "first_time": round(track.first_time, 3),
        "last_time": round(track.last_time, 3),
        "instants": track.instants,
        "fake_probability": told(track.fake_probability),
        "logit": round(track.logit, 4),
        "judged": track.judged,
        "flicker": None if track.flicker is None else round(track.flicker, 4),
    }


def _anomaly(anomaly: Anomaly) -> AnomalyFacts:
    return {
        "code": anomaly.code,
        "value": anomaly.value,
        "threshold": anomaly.threshold,
        "time_span": None if anomaly.time_span is None else [round(time, 3) for time in anomaly.time_span],
        "track": anomaly.track,
        "false_alarm_rate": anomaly.false_alarm_rate,
        "false_alarm_upper": anomaly.false_alarm_upper,
    }
