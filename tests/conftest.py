from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.app import create_app
from backend.config import Settings
from tests.fakes import FakeClassifier, ReadyModel, examine_here

# Tests run on processors, where there are GPUs too: these hide them from Keras, in processes that tests start as well.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {"upload_folder": tmp_path / "uploads", "frame_folder": tmp_path / "static"}
    for folder in folders.values():
        folder.mkdir()
    return Settings(upload_limit=2_000_000, job_folder=tmp_path / "jobs", **folders)


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier()


@pytest.fixture
def app(settings: Settings, classifier: FakeClassifier) -> Flask:
    return create_app(settings, ReadyModel(classifier), examine_here)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
