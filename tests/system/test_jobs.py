"""Jobs of real processes with the real model: they outlive kill -9, end once, and leave nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import schemathesis

from backend.jobs.job import ATTEMPTS
from backend.jobs.sqlite_ledger import NAME
from tests.generators import face_picture, write_picture
from tests.server import Server, running_server, wait_until

ENDED = ("done", "failed", "cancelled")
NARROW = {"DETECTOR_ANALYSES": "1"}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "a.jpg", face_picture())


def wait_for_end(server: Server, location: str, seconds: float = 120) -> dict:
    return wait_until(lambda: (job := server.get(location).json())["state"] in ENDED and job, seconds)


def wait_until_begun(server: Server, location: str) -> None:
    wait_until(lambda: server.get(location).json()["state"] == "running", 60)


def submit_all(server: Server, paths: list[Path]) -> list[str]:
    """A job for each file, with its place as its key; where to ask about each."""
    return [server.submit(path, key=str(place)).headers["Location"] for place, path in enumerate(paths)]


def attempts(folder: Path) -> int:
    """How often the one file of the one job was begun."""
    with closing(sqlite3.connect(folder / "jobs" / NAME)) as connection:
        (attempt,) = connection.execute("SELECT attempt FROM tasks").fetchone()
        return attempt


def nothing_lies_about(server: Server) -> bool:
    return not any(server.uploads.glob("upload-*"))


def test_a_job_has_the_verdict_that_predict_gives(server, picture):
    answer = server.predict(picture).json()
    job = wait_for_end(server, server.submit(picture).headers["Location"])
    body = job["results"][0]["body"]
    for name in ("prediction", "confidence", "anomalies"):
        assert body[name] == answer[name]
    assert server.get(f"/static/{body['frames'][0]}").status_code == 200
    wait_until(lambda: nothing_lies_about(server), 10)


def test_what_is_told_of_a_job_is_as_described(server, picture, slow_video):
    api = schemathesis.openapi.from_url(server.url + "/openapi.json")
    submitted = server.submit(picture, slow_video, key="as-described")
    again, reused = server.submit(picture, slow_video, key="as-described"), server.submit(picture, key="as-described")
    assert (submitted.status_code, again.status_code, reused.status_code) == (202, 202, 422)
    for response in (submitted, again, reused):
        api["/jobs"]["POST"].validate_response(response)
    location = submitted.headers["Location"]
    api["/jobs/{identity}"]["GET"].validate_response(server.get(location))
    wait_for_end(server, location)
    for method, ask, status in (("GET", server.get, 200), ("DELETE", server.delete, 200), ("GET", server.get, 404)):
        response = ask(location)
        assert response.status_code == status
        api["/jobs/{identity}"][method].validate_response(response)


def test_jobs_outlive_kill_9_and_each_ends_once_with_the_right_verdict(tmp_path, picture, slow_video):
    with running_server(tmp_path, **NARROW) as server:
        server.wait_for("/readyz", 200)
        verdict = server.predict(picture).json()["prediction"]
        locations = [
            server.submit(path, key=str(n)).headers["Location"] for n, path in enumerate([slow_video, *[picture] * 4])
        ]
        wait_until_begun(server, locations[0])
        server.kill()
    with running_server(tmp_path, **NARROW) as server:
        jobs = [wait_for_end(server, location) for location in locations]
        assert [job["state"] for job in jobs] == ["done"] * 5
        assert [job["results"][0]["body"]["prediction"] for job in jobs[1:]] == [verdict] * 4
        repeated = [
            server.submit(path, key=str(n)).headers["Location"] for n, path in enumerate([slow_video, *[picture] * 4])
        ]
        assert repeated == locations
        wait_until(lambda: nothing_lies_about(server), 10)


def test_a_file_that_ends_the_process_each_time_is_given_up(tmp_path, slow_video):
    with running_server(tmp_path, **NARROW) as server:
        server.wait_for("/readyz", 200)
        location = server.submit(slow_video).headers["Location"]
        wait_until(lambda: attempts(tmp_path) == 1, 60)
        server.kill()
    for attempt in range(2, ATTEMPTS + 1):
        with running_server(tmp_path, **NARROW) as server:
            wait_until(lambda attempt=attempt: attempts(tmp_path) == attempt, 60)
            server.kill()
    with running_server(tmp_path, **NARROW) as server:
        job = wait_for_end(server, location)
        assert job["state"] == "failed" and job["results"][0]["status"] == 500
        assert job["results"][0]["body"]["code"] == "interrupted"
        assert nothing_lies_about(server)


def test_sigterm_gives_back_what_runs_and_the_next_start_goes_on(tmp_path, slow_video):
    with running_server(tmp_path, **NARROW) as server:
        server.wait_for("/readyz", 200)
        location = server.submit(slow_video).headers["Location"]
        wait_until_begun(server, location)
    assert "Traceback" not in server.log
    with running_server(tmp_path, **NARROW) as server:
        assert wait_for_end(server, location)["state"] == "done"


def test_of_two_processes_on_the_same_folders_one_carries_out_jobs_until_it_ends(tmp_path, picture):
    with running_server(tmp_path, **NARROW) as first:
        first.wait_for("/readyz", 200)
        with running_server(tmp_path, **NARROW) as second:
            second.wait_for("/readyz", 200)
            location = second.submit(picture).headers["Location"]
            assert wait_for_end(first, location)["state"] == wait_for_end(second, location)["state"] == "done"
            first.kill()
            assert wait_for_end(second, second.submit(picture).headers["Location"])["state"] == "done"


def test_when_their_time_is_over_jobs_are_gone_with_all_that_is_theirs(tmp_path, picture):
    with running_server(tmp_path, DETECTOR_RETENTION="2", DETECTOR_PURGE_INTERVAL="1") as server:
        server.wait_for("/readyz", 200)
        location = server.submit(picture).headers["Location"]
        assert wait_for_end(server, location)["state"] == "done"
        wait_until(lambda: server.get(location).status_code == 404, 15)
        wait_until(lambda: not any(server.static.glob("*.jpg")), 15)
        assert nothing_lies_about(server)
