"""The golden input: crops that every runtime must answer alike."""

from __future__ import annotations

import numpy as np

from backend.domain import CROP_SIDE, Pixels


def golden_crops() -> Pixels:
    """Four patterned crops, (4, 224, 224, 3) uint8 RGB, the same on every machine.

    Made of sums of integer waves, so that no random generator and no floating point rounding is involved.
    """
    rows, columns, channels = np.indices((CROP_SIDE, CROP_SIDE, 3), dtype=np.int64)
    patterns = [
        (rows * period + columns * (channels + 1) + (rows * columns) // (8 * period)) % 256 for period in (1, 3, 7, 13)
    ]
    return np.stack(patterns).astype(np.uint8)
