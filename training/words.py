"""Figures with their intervals, in words."""

from __future__ import annotations

from typing import Any


def plain(rate: dict[str, Any] | None) -> str:
    """A figure with its interval."""
    return "-" if rate is None else f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})"


def percent(rate: dict[str, Any] | None) -> str:
    """A share with its interval, in per cent."""
    if rate is None:
        return "-"
    return f"{100 * rate['value']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"
