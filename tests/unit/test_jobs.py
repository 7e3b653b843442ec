"""What becomes of the uploads of an order, whether it is taken in, refused, or nobody knows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

from backend.errors import Busy, StorageFailed, Unanswered
from backend.jobs.job import Order
from backend.jobs.jobs import Jobs
from backend.jobs.redis_ledger import RedisLedger, connect
from backend.store.frames import FrameFolder
from backend.store.uploads import PrivateFolder, UploadFolder, finish_upload
from tests.server import free_port

MOST, RETENTION = 4, 100


@pytest.fixture
def ledger(redis_client: Redis) -> RedisLedger:
    return RedisLedger(redis_client, MOST, RETENTION)


def submit(ledger: RedisLedger, folder: Path, files: int = 1, key: str | None = None) -> str:
    """Order as a request does, which then ends."""
    jobs = Jobs(ledger, UploadFolder(), FrameFolder(folder), RETENTION, wake=lambda _: None)
    with closing(PrivateFolder(folder)) as private:
        uploads = tuple(finish_upload(private.open_file()) for _ in range(files))
        return jobs.submit(Order("client", "request", uploads, store=True, key=key))


def test_what_was_taken_in_outlives_its_request(ledger, tmp_path):
    submit(ledger, tmp_path, files=2)
    uploads = [ledger.claim().upload.path for _ in range(2)]
    assert sorted(tmp_path.rglob("upload-*/*")) == sorted(uploads)
    for path in uploads:
        UploadFolder().delete(path)
    assert not any(tmp_path.iterdir())


def test_what_was_refused_or_is_known_already_leaves_no_upload(ledger, tmp_path):
    assert submit(ledger, tmp_path, key="k") == submit(ledger, tmp_path, key="k")
    with pytest.raises(Busy):
        submit(ledger, tmp_path, files=MOST)
    assert list(tmp_path.rglob("upload-*/*")) == [ledger.claim().upload.path]


def test_an_order_that_may_have_been_taken_in_keeps_its_upload_and_is_found_by_its_key(ledger, tmp_path, monkeypatch):
    run = ledger._run

    def lose_the_answer(**asked: object) -> None:
        run(**asked)
        raise Unreachable

    with monkeypatch.context() as broken, pytest.raises(Unanswered):
        broken.setattr(ledger, "_run", lose_the_answer)
        submit(ledger, tmp_path, key="k")
    identity = submit(ledger, tmp_path, key="k")
    task = ledger.claim()
    assert task.job == identity and task.upload.path.exists() and ledger.claim() is None


def test_where_redis_is_away_from_the_start_no_upload_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.jobs.redis_ledger.RETRIES", 1)
    with connect(f"redis://127.0.0.1:{free_port()}") as nobody, pytest.raises(StorageFailed):
        submit(RedisLedger(nobody, MOST, RETENTION), tmp_path)
    assert not any(tmp_path.iterdir())
