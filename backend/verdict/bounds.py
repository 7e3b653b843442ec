"""Which measurements are worth telling, and from which value on: `anomalies.json`, written by `training.anomalies`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from backend.domain import Basis

BOUNDS_PATH = Path(__file__).with_name("anomalies.json")


@dataclass(frozen=True)
class Bound:
    """A threshold, and how often genuine validation files pass it.

    `below`: values below the threshold are told; else those that reach it. The rate and the upper bound of its 95 %
    interval are None where they were not measured with the model at hand.
    """

    threshold: float
    below: bool
    false_alarm_rate: float | None
    false_alarm_upper: float | None

    def is_passed(self, value: float) -> bool:
        """Whether a value is to be told."""
        return value < self.threshold if self.below else value >= self.threshold


Bounds = Mapping[str, Bound]  # by the code of the anomaly; what is not in it is not told


def bounds_for(basis: Basis, model_sha256: str) -> Bounds:
    """The bounds of what is measured on a basis; rates of another model are not given on."""
    sha256, by_basis = _read_bounds()
    bounds = by_basis.get(basis, {})
    if sha256 == model_sha256:
        return bounds
    return {code: replace(bound, false_alarm_rate=None, false_alarm_upper=None) for code, bound in bounds.items()}


@cache
def _read_bounds() -> tuple[str, Mapping[str, Bounds]]:
    contents = json.loads(BOUNDS_PATH.read_text(encoding="utf-8"))
    return contents["model_sha256"], {
        basis: {code: Bound(**bound) for code, bound in bounds.items()} for basis, bounds in contents["bounds"].items()
    }
