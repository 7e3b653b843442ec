from __future__ import annotations

import numpy as np
import pytest

from backend.config import ROOT
from backend.model.golden import golden_crops
from backend.model.gpu_classifier import HALF_LOGIT_TOLERANCE, GpuClassifier
from backend.model.manifest import manifest_path, read_manifest
from backend.model.runtimes import NoGpuError, choose_gpus

MODEL_PATH = ROOT / "temp_model.h5"


@pytest.mark.parametrize("reduced_precision", [False, True])
def test_it_gives_the_golden_logits_in_either_precision(reduced_precision):
    """On the processor, which Keras treats as it does a GPU."""
    classifier = GpuClassifier(MODEL_PATH, 1, ["cpu:0"], reduced_precision, sizes=[1, 4])
    probabilities, maps = classifier.predict(golden_crops())
    logits = maps.mean(axis=(1, 2))
    golden = np.array(read_manifest(manifest_path(MODEL_PATH)).golden_logits)
    np.testing.assert_allclose(logits, golden, atol=classifier.logit_tolerance)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-3)
    assert (classifier.logit_tolerance == HALF_LOGIT_TOLERANCE) is reduced_precision


def test_a_gpu_that_is_not_there_is_not_taken():
    assert choose_gpus("cpu") == [] and choose_gpus("auto") == []
    with pytest.raises(NoGpuError, match="sees no GPU"):
        choose_gpus("gpu")
