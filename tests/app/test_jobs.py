"""Jobs as a client meets them, around a stand-in for the network."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from backend.app import create_app
from backend.config import Settings
from backend.errors import Busy, StorageFailed
from backend.jobs.job import ATTEMPTS
from backend.model.batching import Batcher
from backend.model.holder import ModelHolder
from backend.model.views import VIEWS
from backend.pipeline import Examiner
from backend.store.frames import FrameFolder
from tests.app.test_access import app_with
from tests.app.test_analyses import Gate
from tests.app.test_errors import PNG, check
from tests.fakes import AbsentModel, FakeClassifier, MeanNetwork, ReadyModel, examine_here
from tests.generators import face_picture, write_picture
from tests.server import wait_until

ENDED = ("done", "failed", "cancelled")
MOMENT = 0.01  # seconds
KEY = {"Idempotency-Key": "0b1f2c1e-1f6c-4f0a-9a52-7f4a0a3c9f55"}


@contextmanager
def running(app: Flask) -> Iterator[FlaskClient]:
    """A client of an app that carries out its jobs."""
    app.extensions["engine"].start()
    try:
        yield app.test_client()
    finally:
        app.extensions["engine"].close()


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with running(app) as started:
        yield started


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., FlaskClient]]:
    """Start an app of one's own: what judges, who examines, other settings."""
    with ExitStack() as started:

        def start_one(model: ModelHolder, examine: Examiner = examine_here, **changed: object) -> FlaskClient:
            changed = {"analyses": 1, "threads": 1, **changed}
            return started.enter_context(running(create_app(settings.model_copy(update=changed), model, examine)))

        yield start_one


@pytest.fixture
def gate() -> Iterator[Gate]:
    closed = Gate()
    yield closed
    closed.opened.set()


def post(client: FlaskClient, *paths: Path, to: str = "/jobs", **more: object) -> TestResponse:
    files = [FileStorage(io.BytesIO(path.read_bytes()), filename=path.name) for path in paths]
    boundary, body = encode_multipart(MultiDict(("file", file) for file in files))
    return client.post(to, data=body, content_type=f"multipart/form-data; boundary={boundary}", **more)


def ask(client: FlaskClient, submitted: TestResponse) -> dict:
    return client.get(submitted.headers["Location"]).get_json()


def wait_for_end(client: FlaskClient, submitted: TestResponse) -> dict:
    assert submitted.status_code == 202, submitted.get_json()
    return wait_until(lambda: (job := ask(client, submitted))["state"] in ENDED and job, 20)


def without_what_differs(body: dict) -> dict:
    """An answer without ids, names and times, which no two have in common."""
    details = dict(body["details"])
    for name in ("id", "timing_ms", "expires_at"):
        details.pop(name)
    details["frames"] = [{**frame, "annotated_url": "", "plain_url": ""} for frame in details["frames"]]
    return {**body, "frames": len(body["frames"]), "details": details}


def nothing_lies_about(settings: Settings) -> bool:
    """Whether no upload is left; a moment after the end of a job is told, that is so."""
    return not any(settings.upload_folder.iterdir())


def test_a_job_is_taken_in_at_once_and_told_of_where_its_location_says(client, video):
    submitted = post(client, video)
    body = submitted.get_json()
    assert submitted.status_code == 202 and submitted.headers["Location"] == f"/jobs/{body['id']}"
    assert body["state"] in ("queued", "running", "done") and len(body["id"]) == 32
    assert ask(client, submitted)["created_at"] == body["created_at"] < body["expires_at"]


def test_in_the_end_it_has_the_very_answer_that_predict_gives(client, settings, video):
    answer = post(client, video, to="/predict").get_json()
    job = wait_for_end(client, post(client, video))
    (result,) = job["results"]
    assert (job["state"], job["stage"], job["progress"], job["position"]) == ("done", "done", 1, None)
    assert result["status"] == 200 and result["body"]["details"]["id"] == job["id"]
    assert without_what_differs(result["body"]) == without_what_differs(answer)
    for name in result["body"]["frames"]:
        with client.get(f"/static/{name}") as frame:
            assert frame.status_code == 200
    wait_until(lambda: nothing_lies_about(settings), 10)


def test_what_predict_refuses_a_job_fails_with_the_same_error(client, settings, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG + bytes(40))
    refused = post(client, path, to="/predict")
    submitted = post(client, path)
    job = wait_for_end(client, submitted)
    (result,) = job["results"]
    assert job["state"] == "failed" and result["status"] == refused.status_code == 422
    assert result["body"] == {**refused.get_json(), "request_id": submitted.headers["X-Request-ID"]}
    wait_until(lambda: nothing_lies_about(settings), 10)


def test_several_files_are_one_job_with_an_answer_to_each_in_their_order(client, settings, tmp_path, picture, video):
    damaged = tmp_path / "a.png"
    damaged.write_bytes(PNG + bytes(40))
    job = wait_for_end(client, post(client, video, damaged, picture))
    assert job["state"] == "done" and [result["status"] for result in job["results"]] == [200, 422, 200]
    kinds = [result["body"]["details"]["media"]["kind"] for result in job["results"] if result["status"] == 200]
    assert kinds == ["video", "picture"]
    wait_until(lambda: nothing_lies_about(settings), 10)


def test_without_storing_no_frame_is_left(client, settings, video):
    job = wait_for_end(client, post(client, video, to="/jobs?store=false"))
    assert job["results"][0]["body"]["frames"] == [] and not any(settings.frame_folder.iterdir())


def test_progress_and_position_are_told(start, gate, video, picture):
    client = start(ReadyModel(gate))
    first, second = post(client, video), post(client, picture, picture)
    found = wait_until(lambda: (job := ask(client, first))["progress"] and job, 20)
    assert (found["state"], found["stage"], found["progress"]) == ("running", "examining", 1 / 16)
    assert found["position"] is None and found["results"] == [None]
    waiting = ask(client, second)
    assert (waiting["state"], waiting["stage"], waiting["position"]) == ("queued", "waiting", 0)
    assert ask(client, post(client, picture))["position"] == 2
    gate.opened.set()
    assert wait_for_end(client, second)["state"] == "done"


def test_a_running_job_is_cancelled_and_leaves_nothing(start, gate, settings, video):
    client = start(ReadyModel(gate))
    submitted = post(client, video)
    wait_until(lambda: ask(client, submitted)["progress"], 20)
    identity = submitted.get_json()["id"]
    assert client.delete(f"/jobs/{identity}").get_json() == {"status": "ok", "id": identity, "files_deleted": 0}
    wait_until(lambda: nothing_lies_about(settings), 10)
    gate.opened.set()
    job = ask(client, submitted)
    assert (job["state"], job["results"]) == ("cancelled", [None])
    assert wait_for_end(client, post(client, video))["state"] == "done"  # its place is free again
    assert len(gate.batches) < 2 * 32 and ask(client, submitted)["state"] == "cancelled"


def test_a_waiting_job_is_cancelled_before_it_begins(start, gate, settings, video, picture):
    client = start(ReadyModel(gate))
    first, second = post(client, video), post(client, picture)
    client.delete(second.headers["Location"])
    gate.opened.set()
    assert wait_for_end(client, first)["state"] == "done" and ask(client, second)["state"] == "cancelled"
    wait_until(lambda: nothing_lies_about(settings), 10)


def test_a_job_that_is_done_is_deleted_with_its_frames(client, settings, video):
    submitted = post(client, video)
    wait_for_end(client, submitted)
    assert client.delete(submitted.headers["Location"]).get_json()["files_deleted"] == 32
    assert not any(settings.frame_folder.iterdir())
    for method in ("GET", "DELETE"):
        check(client.open(submitted.headers["Location"], method=method), 404, "not_found", "nothing here")


@pytest.mark.parametrize("identity", ["0" * 32, "nothing", "%00"])
def test_what_is_not_known_is_not_found(client, identity):
    check(client.get(f"/jobs/{identity}"), 404, "not_found", "nothing here")


def test_the_same_order_sent_twice_with_a_key_is_one_job(client, settings, video, picture):
    first = post(client, video, headers=KEY)
    again = post(client, video, headers=KEY)
    assert again.status_code == 202 and again.headers["Location"] == first.headers["Location"]
    check(post(client, picture, headers=KEY), 422, "key_reused", "other files")
    check(post(client, video, to="/jobs?store=false", headers=KEY), 422, "key_reused", "other files")
    wait_for_end(client, first)
    wait_until(lambda: nothing_lies_about(settings), 10)
    assert post(client, video, headers=KEY).headers["Location"] == first.headers["Location"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
def test_a_key_that_is_none_is_refused(client, video, key):
    check(post(client, video, headers={"Idempotency-Key": key}), 400, "bad_request", "visible characters")


def test_bad_orders_are_refused_whole(client, settings, tmp_path, picture):
    text = tmp_path / "a.txt"
    text.write_text("text")
    check(post(client), 400, "missing_file", "'file'")
    check(post(client, picture, text), 415, "unsupported_type", "not accepted")
    check(post(client, picture, to="/jobs?store=perhaps"), 400, "bad_request", "true or false")
    data = {"file": (io.BytesIO(picture.read_bytes()), "a.jpg"), "other": (io.BytesIO(b"x"), "b.jpg")}
    check(client.post("/jobs", data=data), 400, "bad_request", "alone")
    wait_until(lambda: nothing_lies_about(settings), 10)


@pytest.mark.parametrize(("files", "status"), [(16, 202), (17, 400)])
def test_as_many_files_as_a_form_may_have_are_one_job(start, gate, picture, files, status):
    response = post(start(ReadyModel(gate)), *[picture] * files)
    assert response.status_code == status


def test_one_file_over_the_limit_refuses_them_all(client, settings, tmp_path, picture):
    large = tmp_path / "a.png"
    large.write_bytes(PNG + bytes(settings.upload_limit))
    check(post(client, picture, large), 413, "file_too_large", "larger than")


def test_a_full_queue_refuses_more_and_says_when_to_try_again(start, gate, picture, settings):
    client = start(ReadyModel(gate), job_queue=32)
    post(client, picture, picture, picture)  # one of them is taken, and stopped at the gate
    wait_until(lambda: len(gate.batches) == 2, 20)
    sent = [post(client, *[picture] * 15).status_code, post(client, picture).status_code]
    refused = wait_until(lambda: (response := post(client, picture)).status_code == 503 and response, 20)
    check(refused, 503, "busy", "try again later")
    assert sent[0] == 202 and int(refused.headers["Retry-After"]) >= 1
    other = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert post(client, picture, **other).status_code == 202


def test_where_files_lie_in_a_store_that_machines_share_it_is_the_same(start, video, settings, tmp_path):
    client = start(ReadyModel(FakeClassifier()), storage_url=f"file://{tmp_path}/shared")
    submitted = post(client, video)
    body = wait_for_end(client, submitted)["results"][0]["body"]
    with client.get(f"/static/{body['frames'][0]}") as frame:
        assert frame.status_code == 200 and frame.data[:3] == b"\xff\xd8\xff"
    assert not any(settings.upload_folder.iterdir()) and not any(settings.frame_folder.iterdir())
    assert client.delete(submitted.headers["Location"]).get_json()["files_deleted"] == 32
    assert [path for path in (tmp_path / "shared").rglob("*") if path.is_file()] == []


def test_files_count_towards_the_rate_however_they_are_sent(settings, picture):
    client = app_with(settings, rate_limit="3 per minute").test_client()
    assert post(client, picture, picture).status_code == 202
    assert post(client, picture, to="/predict").status_code == 200
    check(post(client, picture), 429, "too_many_requests", "3 per 1 minute")


def test_without_a_key_nothing_is_taken_or_told(settings, picture):
    client = app_with(settings, api_keys="key").test_client()
    check(post(client, picture), 401, "unauthorized", "key")
    for method in ("GET", "DELETE"):
        check(client.open(f"/jobs/{'0' * 32}", method=method), 401, "unauthorized", "key")


def test_without_a_model_no_job_is_taken(settings, picture):
    client = create_app(settings, AbsentModel("There is no model."), examine_here).test_client()
    check(post(client, picture), 503, "not_ready", "no model")


def test_a_want_that_passes_is_waited_for(start, picture):
    tries: list[int] = []

    def examine_at_last(path, examination):
        tries.append(1)
        if len(tries) < ATTEMPTS:
            raise Busy("No worker.", MOMENT)
        return examine_here(path, examination)

    client = start(ReadyModel(FakeClassifier()), examine_at_last)
    assert wait_for_end(client, post(client, picture))["state"] == "done" and len(tries) == ATTEMPTS


def test_a_want_that_does_not_pass_is_the_answer(start, picture, settings):
    def never(path, examination):
        raise Busy("No worker.", MOMENT)

    client = start(ReadyModel(FakeClassifier()), never)
    job = wait_for_end(client, post(client, picture))
    assert job["state"] == "failed"
    assert (job["results"][0]["status"], job["results"][0]["body"]["code"]) == (503, "busy")
    wait_until(lambda: nothing_lies_about(settings), 10)


@pytest.mark.parametrize("shared", ["", "file://{}/shared"])
def test_a_file_that_is_gone_is_not_looked_for_without_end(start, gate, video, tmp_path, settings, monkeypatch, shared):
    monkeypatch.setattr(StorageFailed, "retry_after", MOMENT)
    client = start(ReadyModel(gate), storage_url=shared.format(tmp_path))
    first, second = post(client, video), post(client, video)
    wait_until(lambda: ask(client, first)["progress"], 20)
    for folder in (settings.upload_folder, tmp_path / "shared" / "uploads"):
        for path in folder.rglob("*"):
            path.is_file() and path.unlink()
    gate.opened.set()
    wait_for_end(client, first)
    (result,) = wait_for_end(client, second)["results"]
    assert (result["status"], result["body"]["code"]) == (503, "storage_failed")


def test_a_failure_that_nobody_foresaw_tells_nothing_of_the_inside(start, picture):
    def fail(path, examination):
        raise ZeroDivisionError(path)

    client = start(ReadyModel(FakeClassifier()), fail)
    (result,) = wait_for_end(client, post(client, picture))["results"]
    assert result["status"] == 500 and result["body"]["code"] == "internal_error"
    assert result["body"]["error"] == "Something went wrong here, not with your file."


def test_where_frames_cannot_be_stored_none_is_left(start, picture, settings, monkeypatch):
    def full(frames, name, jpeg):
        (settings.frame_folder / name).write_bytes(jpeg)
        raise StorageFailed

    monkeypatch.setattr(FrameFolder, "store", full)
    monkeypatch.setattr(StorageFailed, "retry_after", MOMENT)
    job = wait_for_end(client := start(ReadyModel(FakeClassifier())), post(client, picture))
    assert job["results"][0]["body"]["code"] == "storage_failed"
    wait_until(lambda: nothing_lies_about(settings) and not any(settings.frame_folder.iterdir()), 10)


def test_batches_are_filled_across_jobs(start, tmp_path):
    asked: list[int] = []

    class Counting(Batcher):
        def predict(self, crops):
            asked.append(len(crops))
            return super().predict(crops)

    network = MeanNetwork()
    network.free.clear()  # so that more comes than the device is sent ahead
    client = start(
        ReadyModel(Counting([network], [views * len(VIEWS) for views in range(1, 5)])), analyses=4, threads=4
    )
    dark = write_picture(tmp_path / "dark.jpg", face_picture() // 2)  # the stand-in fails at white
    submitted = [post(client, dark) for _ in range(4)]
    wait_until(lambda: len(asked) == 4, 20)
    network.free.set()
    assert [wait_for_end(client, job)["state"] for job in submitted] == ["done"] * 4
    assert asked == [len(VIEWS)] * 4 and max(network.batches) > len(VIEWS)


def test_when_the_service_ends_what_runs_waits_for_the_next_start(settings, gate, video, monkeypatch):
    monkeypatch.setattr("backend.jobs.runner.DRAIN_SECONDS", 0.1)
    narrow = settings.model_copy(update={"analyses": 1, "threads": 1})
    with running(create_app(narrow, ReadyModel(gate), examine_here)) as client:
        submitted = post(client, video)
        wait_until(lambda: ask(client, submitted)["progress"], 20)
        gate.opened.set()
    with running(create_app(narrow, ReadyModel(FakeClassifier()), examine_here)) as client:
        assert wait_for_end(client, submitted)["state"] == "done"
    wait_until(lambda: nothing_lies_about(settings), 10)
