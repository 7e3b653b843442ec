from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.errors import NotReady
from backend.model.holder import ModelHolder, load_checked
from backend.model.manifest import file_sha256, manifest_path, write_manifest
from tests.fakes import MANIFEST, FakeClassifier


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    path = tmp_path / "temp_model.h5"
    path.write_bytes(b"weights")
    return path


def with_manifest(path: Path, golden: float) -> Path:
    manifest = replace(MANIFEST, sha256=file_sha256(path), golden_logits=(golden,) * 4)
    write_manifest(manifest, manifest_path(path))
    return path


def settled(path: Path, load) -> ModelHolder:
    holder = ModelHolder(path, load)
    holder.start()
    assert holder.wait(10)
    return holder


def test_a_model_whose_golden_logits_agree_is_ready(model_path):
    holder = settled(with_manifest(model_path, golden=2.0), lambda: FakeClassifier(2.0))
    assert holder.require().manifest.calibrated
    (score,) = holder.require().score(np.zeros((1, 224, 224, 3), np.uint8))
    assert score.logit == pytest.approx(2.0) and score.logit_map is not None


def test_before_it_is_loaded_it_is_not_ready(model_path):
    with pytest.raises(NotReady, match="being loaded"):
        ModelHolder(model_path, FakeClassifier).require()


@pytest.mark.parametrize("drift", [0.002, float("nan")])
def test_a_model_whose_golden_logits_differ_stays_unready_and_says_so(model_path, drift):
    holder = settled(with_manifest(model_path, golden=2.0), lambda: FakeClassifier(2.0 + drift))
    assert holder.model is None
    with pytest.raises(NotReady, match=r"golden logits differ by 0\.002|not probabilities"):
        holder.require()


def test_a_model_within_the_tolerance_is_ready(model_path):
    assert load_checked(with_manifest(model_path, golden=2.0), lambda: FakeClassifier(2.0005)).manifest.calibrated


def test_a_manifest_of_another_file_is_not_believed(model_path):
    with_manifest(model_path, golden=2.0)
    model_path.write_bytes(b"other weights")
    model = load_checked(model_path, lambda: FakeClassifier(5.0))
    assert not model.manifest.calibrated and model.manifest.sha256 == file_sha256(model_path)
    (score,) = model.score(np.zeros((1, 224, 224, 3), np.uint8))
    assert score.logit_map is None and score.logit == pytest.approx(5.0, abs=1e-3)


def test_a_model_on_devices_that_have_failed_is_not_ready_any_more(model_path):
    classifier = FakeClassifier(2.0)
    holder = settled(model_path, lambda: classifier)
    assert holder.require()
    classifier.failed = True
    with pytest.raises(NotReady, match="started anew"):
        holder.require()


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(NotReady, match="no model file"):
        settled(tmp_path / "none.h5", FakeClassifier).require()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("/secret/path"), "damaged"),
        (ValueError("it has two inputs"), "it has two inputs"),
        (MemoryError(), "failed"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_file_that_cannot_be_loaded_is_told_without_anything_of_the_inside(model_path, error, reason):
    def load():
        raise error

    with pytest.raises(NotReady, match=reason) as caught:
        settled(model_path, load).require()
    assert "/secret" not in caught.value.sentence
