from __future__ import annotations

import os
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

LANDMARKS = "100 110 180 110 140 150 110 190 170 190"


@pytest.fixture
def seed() -> keras.random.SeedGenerator:
    return keras.random.SeedGenerator(7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data set: three pairs of one source, and singles of two more, each in its own group."""
    random = np.random.default_rng(0)
    lines = ["path,label,source,method,role,group,video,kind,pair,x,y,width,height,landmarks"]
    rows = [("dfdc", label, f"p{place}", f"pair{place}") for place in range(3) for label in ("real", "fake")]
    rows += [("lfw", "real", f"l{place}", "") for place in range(4)]
    rows += [("sd3", "fake", f"s{place}", "") for place in range(4)]
    for number, (source, label, group, pair) in enumerate(rows):
        role = "val" if group in ("l3", "s3") else "train"
        cv2.imwrite(str(tmp_path / f"{number}.png"), random.integers(0, 255, (288, 288, 3), np.uint8))
        lines.append(f"{number}.png,{label},{source},,{role},{group},,picture,{pair},60,40,160,200,{LANDMARKS}")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path
