from __future__ import annotations

import hashlib

from backend.model.golden import golden_crops


def test_the_golden_crops_are_the_same_everywhere_and_always():
    crops = golden_crops()
    assert crops.shape == (4, 224, 224, 3)
    digest = hashlib.sha256(crops.tobytes()).hexdigest()
    assert digest == "61d3d24b3d1448dbcc0358fcbdce36035fcd560d595c760d2bcad05ae8599c2f"
