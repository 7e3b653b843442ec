"""Files that are posted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generators import face_frames, face_picture, write_picture, write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", face_frames(50))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "face.jpg", face_picture())
