"""What the service has counted so far."""

from __future__ import annotations

from prometheus_client import REGISTRY


def counted(name: str, **labels: str) -> float:
    """A metric's value; 0 before anything was counted."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
