"""The JSON beside the model: one version for everything that must change together with its weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.domain import Basis, Calibration

DEFAULT_CROP_MARGIN = 1.05
DEFAULT_DETECTOR_THRESHOLD = 0.7
SHARES_OF_FAKES = (0.5, 0.1, 0.01)  # for which it is told how often `Fake` is right


@dataclass(frozen=True)
class Rate:
    """A measured share with its 95 % interval, and the number of files behind it."""

    value: float
    low: float
    high: float
    files: int


@dataclass(frozen=True)
class ErrorRates:
    """How often the shipped threshold was wrong on validation: reals called Fake, and fakes called Real."""

    real_called_fake: Rate
    fake_called_real: Rate

    def fake_right(self, share_of_fakes: float) -> float:
        """How often `Fake` is right where so many of the files are fake; 0 where it is never said."""
        right = share_of_fakes * (1 - self.fake_called_real.value)
        wrong = (1 - share_of_fakes) * self.real_called_fake.value
        return right / (right + wrong) if right else 0.0


@dataclass(frozen=True)
class Manifest:
    """What belongs to one model file.

    `sha256` is of the model's file, `detector_sha256` of the face detector that its crops were made with.
    `prior`, `calibration`, `inconclusive` and `error_rates` are by basis (`face_video`, `face_picture`): `prior` is
    the share of fakes that the calibration assumes, `inconclusive` the band of calibrated fake probability (low, high)
    strictly inside which no verdict is given. `golden_logits` are the logits of `golden_crops()`.
    """

    version: str
    sha256: str
    detector_sha256: str
    detector_threshold: float
    crop_margin: float
    prior: dict[str, float]
    calibration: dict[str, Calibration]
    inconclusive: dict[str, tuple[float, float]]
    error_rates: dict[str, ErrorRates]
    golden_logits: tuple[float, ...]
    golden_tolerance: float

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities mean what they say; False for somebody else's model."""
        return bool(self.calibration)

    def calibration_of(self, basis: Basis) -> Calibration:
        """How a file's logit becomes a probability; whole frames are judged as pictures are."""
        return self.calibration.get(_measured_basis(basis), Calibration(scale=1.0, threshold=0.0))

    def inconclusive_band(self, basis: Basis) -> tuple[float, float]:
        """The fake probabilities strictly between which no verdict is given: all of them, where none was measured."""
        return self.inconclusive.get(_measured_basis(basis), (0.0, 1.0))


def foreign_manifest(sha256: str) -> Manifest:
    """What is assumed of a model that came without a manifest: nothing of its probabilities is believed."""
    return Manifest(
        version=f"foreign-{sha256[:12]}",
        sha256=sha256,
        detector_sha256="",
        detector_threshold=DEFAULT_DETECTOR_THRESHOLD,
        crop_margin=DEFAULT_CROP_MARGIN,
        prior={},
        calibration={},
        inconclusive={},
        error_rates={},
        golden_logits=(),
        golden_tolerance=0.0,
    )


def manifest_path(model_path: Path) -> Path:
    """Where the manifest of a model file lies: beside it, with the ending `.json`."""
    return model_path.with_suffix(".json")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        OSError: there is none.
        ValueError: it is not one.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["calibration"] = {basis: Calibration(**values) for basis, values in fields["calibration"].items()}
        fields["inconclusive"] = {
            basis: (float(low), float(high)) for basis, (low, high) in fields["inconclusive"].items()
        }
        fields["error_rates"] = {
            basis: ErrorRates(**{name: Rate(**rate) for name, rate in rates.items()})
            for basis, rates in fields["error_rates"].items()
        }
        fields["golden_logits"] = tuple(float(logit) for logit in fields["golden_logits"])
        return Manifest(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a model manifest: {error}") from error


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as JSON, in a form that `read_manifest` reads back equal."""
    path.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _measured_basis(basis: Basis) -> Basis:
    return "face_picture" if basis == "whole_frame" else basis
