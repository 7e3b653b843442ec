"""Uploads and frames in a store that machines share: a folder, and a real server of S3's calls."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from itertools import islice
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from backend.assembly import hide_secrets
from backend.config import Settings
from backend.errors import StorageFailed
from backend.store.frames import random_names
from backend.store.shared import SharedStore
from backend.store.uploads import PrivateFolder, Upload, finish_upload
from tests.fleet import BUCKET, CREDENTIALS, ObjectStore
from tests.server import free_port

NAME, OTHER = islice(random_names(), 2)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedStore]:
    (tmp_path / "local").mkdir()
    if request.param == "folder":
        yield SharedStore(f"file://{tmp_path}/shared", tmp_path / "local")
        return
    S3FileSystem.clear_instance_cache()
    objects: ObjectStore = request.getfixturevalue("object_store")
    for name, value in objects.settings.items():
        monkeypatch.setenv(name, value)
    yield SharedStore(f"s3://{BUCKET}/some", tmp_path / "local")
    objects.empty()


def keep(store: SharedStore, folder: Path) -> Upload:
    """Keep what a request received, which then ends."""
    with closing(PrivateFolder(folder)) as private:
        file = private.open_file()
        file.write(b"abc")
        return store.uploads.keep(finish_upload(file))


def test_a_frame_is_found_by_its_name_until_it_is_deleted(store):
    before = time.time()
    store.frames.store(NAME, b"jpeg")
    found = store.frames.find(NAME)
    assert isinstance(found.jpeg, BytesIO) and found.jpeg.read() == b"jpeg"
    assert before - 2 < found.written < time.time() + 1
    assert store.frames.find(OTHER) is store.frames.find("../uploads/a") is None
    assert [store.frames.delete([NAME, OTHER]) for _ in range(2)] == [1, 0]
    assert store.frames.find(NAME) is None


def test_an_upload_is_a_file_of_this_machine_only_while_it_is_judged(store, tmp_path):
    kept = keep(store, tmp_path / "local")
    assert list((tmp_path / "local").iterdir()) == []
    with store.uploads.fetch(kept) as fetched:
        assert fetched.path.read_bytes() == b"abc" and fetched.path.is_relative_to(tmp_path / "local")
        assert fetched.path.parent.stat().st_mode & 0o077 == 0
    assert not fetched.path.parent.exists()
    for _ in range(2):
        store.uploads.delete(kept.path)
    with pytest.raises(StorageFailed), store.uploads.fetch(kept):
        pass


def test_what_is_older_than_the_retention_is_purged(store, tmp_path):
    kept = keep(store, tmp_path / "local")
    store.frames.store(NAME, b"jpeg")
    assert store.purge(60) == 0 and store.frames.find(NAME)
    assert store.purge(-2) == 2 and store.frames.find(NAME) is None
    with pytest.raises(StorageFailed), store.uploads.fetch(kept):
        pass


def test_s3_lets_expire_what_nobody_purges_and_keeps_rules_that_it_has(object_store, monkeypatch, tmp_path):
    for name, value in object_store.settings.items():
        monkeypatch.setenv(name, value)
    for retention in (90_000, 60):
        SharedStore(f"s3://{BUCKET}/some", tmp_path).expire(retention)
        (rule,) = object_store.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        assert (rule["Status"], rule["Filter"], rule["Expiration"]) == ("Enabled", {"Prefix": "some"}, {"Days": 2})


def test_a_store_that_cannot_be_reached_is_storage_that_failed(monkeypatch, tmp_path):
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    with pytest.raises(StorageFailed):
        SharedStore(f"s3://{BUCKET}/none", tmp_path).frames.find(NAME)


def test_what_opens_the_store_is_not_in_the_environment_that_workers_get(monkeypatch):
    monkeypatch.setattr("fsspec.config.conf", {})
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DETECTOR_BROKER_URL", "redis://:password@host")
    hide_secrets(Settings(storage_url=f"s3://{BUCKET}"))
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DETECTOR_BROKER_URL"} & set(os.environ)
