from __future__ import annotations

import pytest

from backend.domain import Calibration
from backend.model.manifest import foreign_manifest, manifest_path, read_manifest, write_manifest
from tests.fakes import MANIFEST


def test_a_manifest_is_read_back_as_it_was_written(tmp_path):
    path = manifest_path(tmp_path / "temp_model.h5")
    write_manifest(MANIFEST, path)
    assert path.name == "temp_model.json" and read_manifest(path) == MANIFEST


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": "1"}', "null"])
def test_anything_else_is_refused(tmp_path, text):
    path = tmp_path / "temp_model.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        read_manifest(path)


def test_whole_frames_are_calibrated_as_pictures_are():
    assert MANIFEST.calibration_of("whole_frame") == MANIFEST.calibration["face_picture"]


def test_of_a_foreign_model_nothing_is_believed():
    manifest = foreign_manifest("ab" * 32)
    assert not manifest.calibrated
    assert manifest.calibration_of("face_video") == Calibration(1.0, 0.0)
    assert manifest.inconclusive_band("face_video") == (0.0, 1.0)
