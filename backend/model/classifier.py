"""What every runtime of the network offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain import Pixels

SMALLEST_PROBABILITY = 1e-7  # float32 rounds probabilities nearer to 0 or 1 away
NONE_LEFT = "All devices that judge have failed; the service must be started anew."
LOGIT_TOLERANCE = 1e-3  # between runtimes, and between machines, in float32


class Classifier(Protocol):
    """A network that says how likely a crop is fake; safe to be called by several threads.

    `logit_tolerance` is how far its logits may lie from the reference's.
    """

    logit_tolerance: float

    @property
    def failed(self) -> bool:
        """Whether it can judge no more until the process is started anew."""
        ...

    def predict(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Judge crops.

        Args:
            crops: (n, 224, 224, 3) uint8 RGB, n at least 1.

        Returns:
            probabilities of being fake, (n,) float32, and logit maps, (n, 7, 7) float32, whose means are their
            logits; None in place of the maps from a network that has none.

        Raises:
            NotReady: it has failed.
        """
        ...


def logits_of(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logits of probabilities, (n,) both."""
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.log(clipped / (1 - clipped))
