"""Services and workers as processes, over a real Redis and a real object store: any of them may be killed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fleet import ObjectStore, Worker, running_worker
from tests.redis_server import RedisServer
from tests.server import running_server
from tests.system.test_jobs import picture, slow, wait_for_end, wait_until_begun  # noqa: F401  # the first are fixtures


@pytest.fixture
def fleet_settings(empty_redis: RedisServer, object_store: ObjectStore) -> dict[str, str]:
    object_store.empty()
    return {"DETECTOR_BROKER_URL": empty_redis.url, **object_store.settings, "DETECTOR_ANALYSES": "1"}


def test_any_service_takes_a_job_tells_of_it_and_shows_its_frames(tmp_path, fleet_settings, object_store, picture):  # noqa: F811
    with ExitStack() as running:
        first, second = (
            running.enter_context(running_server(folder(tmp_path, name), **fleet_settings)) for name in ("a", "b")
        )
        running.enter_context(running_worker(tmp_path / "worker", **fleet_settings))
        first.wait_for("/readyz", 200)
        answer = first.predict(picture).json()
        assert second.get(f"/static/{answer['frames'][0]}").status_code == 200
        submitted = first.submit(picture)
        job = wait_for_end(second, submitted.headers["Location"])
        body = job["results"][0]["body"]
        assert job["state"] == "done" and body["confidence"] == answer["confidence"]
        frames = [server.get(f"/static/{body['frames'][0]}") for server in (first, second)]
        assert frames[0].content == frames[1].content and frames[0].status_code == frames[1].status_code == 200
        assert second.delete(submitted.headers["Location"]).json()["files_deleted"] == 2
        assert first.get(submitted.headers["Location"]).status_code == 404
        assert not set(frames_of(body)) & set(object_store.names())
        assert sorted(frames_of(answer)) == sorted(object_store.names())


def frames_of(body: dict) -> list[str]:
    """Names of the objects that an answer names."""
    urls = [url for frame in body["details"]["frames"] for url in (frame["annotated_url"], frame["plain_url"])]
    return [f"frames/{url.removeprefix('/static/')}" for url in urls]


def test_what_a_killed_worker_was_judging_is_judged_by_another_from_its_beginning(tmp_path, fleet_settings, slow):  # noqa: F811
    with running_server(tmp_path, **fleet_settings) as server:
        server.wait_for("/readyz", 200)
        with running_worker(tmp_path / "first", **fleet_settings) as first:
            location = server.submit(slow).headers["Location"]
            wait_until_begun(server, location)
            first.kill()
            with running_worker(tmp_path / "second", **fleet_settings) as second:
                assert wait_for_end(server, location)["state"] == "done", second.log
        assert 'detector_job_retries_total{queue="cpu"} 1.0' in server.get("/metrics").text


def test_a_worker_that_is_told_to_end_gives_back_what_it_does_not_finish(tmp_path, fleet_settings, slow):  # noqa: F811
    with running_server(tmp_path, **fleet_settings) as server:
        server.wait_for("/readyz", 200)
        with running_worker(tmp_path / "first", **fleet_settings) as first:
            locations = [server.submit(slow, key=str(n)).headers["Location"] for n in range(3)]
            wait_until_begun(server, locations[0])
            first.stop()
        assert "Traceback" not in first.log
        assert "running" not in {server.get(location).json()["state"] for location in locations}
        with running_worker(tmp_path / "second", **fleet_settings) as second:
            ends = [wait_for_end(server, location)["state"] for location in locations]
            assert ends == ["done"] * 3, second.log
        assert 'detector_job_retries_total{queue="cpu"} 0.0' in server.get("/metrics").text


def test_a_worker_that_knows_no_broker_says_what_is_missing(tmp_path):
    worker = Worker(tmp_path / "worker")
    assert worker.wait() == 2 and "DETECTOR_BROKER_URL" in worker.log


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
