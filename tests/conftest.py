from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from redis import Redis

from backend.app import create_app
from backend.config import Settings
from backend.jobs.redis_ledger import connect
from tests.fakes import FakeClassifier, ReadyModel, examine_here
from tests.fleet import ObjectStore, running_store
from tests.generators import face_frames, write_video
from tests.redis_server import RedisServer, running_redis

# Tests run on processors, where there are GPUs too: these hide them from Keras, in processes that tests start as well.
os.environ |= {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}

# Seeded, and without deadlines: machines are shared, and what is slow there once is no fault.
hypothesis_settings.register_profile("seeded", deadline=None, derandomize=True)
hypothesis_settings.load_profile("seeded")


@pytest.fixture(scope="session")
def slow_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with one key frame only, so that there is always much to decode before the next instant."""
    return write_video(tmp_path_factory.mktemp("slow") / "slow.mp4", face_frames(250, 720, 1280), key_every=250)


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


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> RedisServer:
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def redis_client(empty_redis: RedisServer) -> Iterator[Redis]:
    with connect(empty_redis.url) as connected:
        yield connected


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running
