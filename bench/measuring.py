"""Timing that a noisy machine cannot fool: what is compared runs in turn, and ratios are taken pair by pair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of several measurements."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        median, low, high = (f"{float(f'{value:.3g}'):,g}" for value in (self.median, self.low, self.high))
        return f"{median} ({low} to {high})"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, what came out, and what it should reach."""

    name: str
    measured: str
    target: str
    reached: bool | None


def spread(values: Sequence[float]) -> Spread:
    """Median and range."""
    return Spread(statistics.median(values), min(values), max(values))


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratios(one: Callable[[], object], other: Callable[[], object], pairs: int) -> list[float]:
    """Time of one relative to the other, in turn, after a call of each that does not count."""
    one(), other()
    return [seconds(one) / seconds(other) for _ in range(pairs)]


def row(name: str, measured: Spread, unit: str, target: str, reached: bool | None = None) -> Row:
    """A line for a spread of values."""
    return Row(name, f"{measured}{unit}", target, reached)
