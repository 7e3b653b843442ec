"""Logits of crops to the logit of a track, and of tracks to that of the file."""

from __future__ import annotations

from collections.abc import Sequence

MINIMUM_SHARE = 0.2  # of the instants, that a face must be seen at to speak for a video


def track_logit(logits: Sequence[float]) -> float:
    """The logit of one face followed through a file: the mean over its crops."""
    return sum(logits) / len(logits)


def is_long_enough(seen: int, instants: int) -> bool:
    """Whether a face seen at so many of the examined instants may speak for the file."""
    return seen >= max(1.0, MINIMUM_SHARE * instants)


def file_logit(track_logits: Sequence[float]) -> float:
    """The logit of a file: that of its most suspicious track."""
    return max(track_logits)
