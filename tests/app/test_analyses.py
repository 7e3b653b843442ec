"""Asking about an analysis, cancelling it, and deleting what is left of it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.app import create_app
from backend.domain import Calibration
from backend.store.frames import FrameFolder
from tests.app.test_access import app_with
from tests.app.test_errors import PNG, check
from tests.fakes import MANIFEST, FakeClassifier, ReadyModel, examine_here
from tests.generators import face_frames, face_picture, numbered_frames, write_picture, write_video
from tests.metrics import counted
from tests.server import wait_until

ID = "0123456789abcdef" * 2


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", face_frames(50))


def post(client: FlaskClient, path: Path, query: str = f"id={ID}") -> TestResponse:
    return client.post(f"/predict?{query}", data={"file": (io.BytesIO(path.read_bytes()), path.name)})


class Gate(FakeClassifier):
    """Judges two crops, those of the first instant and its companion, and no more before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()

    def predict(self, crops):
        if len(self.batches) == 2:
            assert self.opened.wait(20)
        return super().predict(crops)


@pytest.fixture
def gate() -> Iterator[Gate]:
    closed = Gate()
    yield closed
    closed.opened.set()


@pytest.fixture
def open_app(settings, gate) -> Callable[[], FlaskClient]:
    narrow = settings.model_copy(update={"analyses": 1, "queue": 1, "threads": 1})
    return create_app(narrow, ReadyModel(gate), examine_here).test_client


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def state(client: FlaskClient, identity: str = ID) -> dict:
    return client.get(f"/analyses/{identity}").get_json()


def wait_for(client: FlaskClient, wanted: str, identity: str = ID) -> dict:
    return wait_until(lambda: (found := state(client, identity)).get("state") == wanted and found, 20)


def check_cancelled(posted: Future[TestResponse]) -> None:
    check(posted.result(20), 410, "cancelled", "was cancelled")


def test_the_client_may_choose_the_id_and_ask_by_it(client, video):
    answer = post(client, video).get_json()
    assert answer["details"]["id"] == ID
    assert state(client) == {
        "id": ID,
        "state": "done",
        "instants_examined": 16,
        "instants_expected": 16,
        "expires_at": answer["details"]["expires_at"],
    }


def test_without_a_choice_it_is_the_id_of_the_request(client, video):
    response = post(client, video, "")
    identity = response.headers["X-Request-ID"]
    assert response.get_json()["details"]["id"] == identity and state(client, identity)["state"] == "done"


@pytest.mark.parametrize(
    "query", ["id=", "id=abc", f"id={ID[:-1]}", f"id={ID}0", f"id={ID.upper()}", f"id={ID}%0a", "store=", "store=False"]
)
def test_a_wish_that_is_none_is_refused(client, video, query):
    check(post(client, video, query), 400, "bad_request", "either true or false" if "store" in query else "32 of the")


def test_an_id_that_was_used_is_taken(client, video):
    assert post(client, video).status_code == 200
    check(post(client, video), 409, "id_taken", "choose another")
    assert state(client)["state"] == "done"


def test_an_id_that_is_in_use_is_taken(open_app, gate, background, video):
    first = background.submit(post, open_app(), video)
    wait_for(open_app(), "examining")
    check(post(open_app(), video), 409, "id_taken", "choose another")
    gate.opened.set()
    assert first.result(20).status_code == 200


def test_progress_is_told_while_it_is_made(open_app, gate, background, video):
    posted = background.submit(post, open_app(), video)
    found = wait_until(lambda: (seen := state(open_app())).get("instants_examined") and seen, 20)
    assert found == {
        "id": ID,
        "state": "examining",
        "instants_examined": 1,
        "instants_expected": 16,
        "expires_at": None,
    }
    gate.opened.set()
    assert posted.result(20).status_code == 200


@pytest.mark.parametrize(("frames", "expected"), [(1, 1), (5, 5), (50, 16)])
def test_as_many_instants_are_expected_as_are_examined(client, tmp_path, frames, expected):
    assert post(client, write_video(tmp_path / "a.mp4", numbered_frames(frames))).status_code == 200
    assert (state(client)["instants_examined"], state(client)["instants_expected"]) == (expected, expected)


def test_of_a_picture_one_instant_is_expected(client, tmp_path):
    assert post(client, write_picture(tmp_path / "a.png", face_picture())).status_code == 200
    assert (state(client)["instants_examined"], state(client)["instants_expected"]) == (1, 1)


def test_what_failed_says_so(client):
    path = Path("a.png")
    response = client.post(f"/predict?id={ID}", data={"file": (io.BytesIO(PNG + bytes(40)), path.name)})
    assert response.status_code == 422
    assert state(client)["state"] == "failed" and state(client)["expires_at"] is None


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("identity", [ID, "0" * 16, "nothing", "%00"])
def test_what_is_not_known_is_not_found(client, method, identity):
    check(client.open(f"/analyses/{identity}", method=method), 404, "not_found", "nothing here")


def test_without_a_key_nothing_is_told_of_an_analysis(settings):
    locked = app_with(settings, api_keys="key").test_client()
    for method in ("GET", "DELETE"):
        check(locked.open(f"/analyses/{ID}", method=method), 401, "unauthorized", "key")


def test_a_running_analysis_is_cancelled_and_leaves_nothing(open_app, gate, background, settings, video):
    posted = background.submit(post, open_app(), video)
    wait_until(lambda: state(open_app()).get("instants_examined"), 20)
    assert open_app().delete(f"/analyses/{ID}").get_json() == {"status": "ok", "id": ID, "files_deleted": 0}
    assert state(open_app())["state"] == "cancelled"
    gate.opened.set()
    check_cancelled(posted)
    assert list(settings.upload_folder.iterdir()) == list(settings.frame_folder.iterdir()) == []
    assert state(open_app())["state"] == "cancelled" and len(gate.batches) < 16
    assert post(open_app(), video, "").status_code == 200


def test_a_waiting_analysis_is_cancelled_at_once(open_app, gate, background, video):
    first = background.submit(post, open_app(), video)
    wait_for(open_app(), "examining")
    other = "f" * 32
    second = background.submit(post, open_app(), video, f"id={other}")
    wait_for(open_app(), "waiting", other)
    wait_until(lambda: counted("detector_files_waiting") == 1, 10)
    assert open_app().delete(f"/analyses/{other}").status_code == 200
    check_cancelled(second)
    assert not first.done()
    gate.opened.set()
    assert first.result(20).status_code == 200


def test_what_is_cancelled_while_it_is_drawn_leaves_no_frame(client, settings, video, monkeypatch):
    stored, states = [], []

    def store_and_cancel(frames, name, jpeg):
        stored.append(name)
        real_store(frames, name, jpeg)
        if len(stored) >= 5:
            states.append(state(client)["state"])
            client.delete(f"/analyses/{ID}")

    real_store = FrameFolder.store
    monkeypatch.setattr(FrameFolder, "store", store_and_cancel)
    check(post(client, video), 410, "cancelled", "was cancelled")
    assert states[0] == "drawing" and 5 <= len(stored) < 32 and list(settings.frame_folder.iterdir()) == []


def test_what_cannot_be_stored_leaves_no_frame(client, settings, video, monkeypatch):
    def store_some(frames, name, jpeg):
        fits = len(list(settings.frame_folder.iterdir())) < 4
        real_store(frames if fits else FrameFolder(settings.frame_folder / "full"), name, jpeg)

    real_store = FrameFolder.store
    monkeypatch.setattr(FrameFolder, "store", store_some)
    check(post(client, video), 503, "storage_failed", "no room")
    assert list(settings.frame_folder.iterdir()) == []
    monkeypatch.undo()
    assert post(client, video).status_code == 200


def test_the_frames_of_a_finished_analysis_are_deleted_at_once_and_a_second_time_none(client, settings, video):
    answer = post(client, video).get_json()
    other = post(client, video, "").get_json()
    deleted = [client.delete(f"/analyses/{ID}").get_json() for _ in range(2)]
    assert deleted == [{"status": "ok", "id": ID, "files_deleted": number} for number in (32, 0)]
    assert client.get(f"/static/{answer['frames'][0]}").status_code == 404
    with client.get(f"/static/{other['frames'][0]}") as response:
        assert response.status_code == 200
    assert state(client)["state"] == "done" and state(client)["expires_at"] is None


def test_a_busy_service_does_not_use_the_id_up(open_app, gate, background, video):
    running = [background.submit(post, open_app(), video, "") for _ in range(2)]
    wait_until(lambda: counted("detector_files_waiting") == 1, 10)
    check(post(open_app(), video), 503, "busy", "try again")
    gate.opened.set()
    assert [posted.result(20).status_code for posted in running] == [200, 200]
    assert post(open_app(), video).status_code == 200


def test_nothing_is_stored_where_nothing_is_to_be(client, settings, video):
    answer = post(client, video, f"store=false&id={ID}").get_json()
    assert answer["frames"] == [] and answer["details"]["expires_at"] is None
    frames = answer["details"]["frames"]
    assert len(frames) == 16 and frames[0]["faces"][0]["logit"] == 2.0
    assert {frame["annotated_url"] for frame in frames} | {frame["plain_url"] for frame in frames} == {None}
    assert "drawing" not in answer["details"]["timing_ms"]
    assert list(settings.frame_folder.iterdir()) == []
    assert state(client)["state"] == "done" and state(client)["expires_at"] is None
    assert client.delete(f"/analyses/{ID}").get_json()["files_deleted"] == 0


def test_frames_are_stored_where_that_is_asked_for(client, video):
    answer = post(client, video, "store=true").get_json()
    assert len(answer["frames"]) == 16 and datetime.fromisoformat(answer["details"]["expires_at"])


def test_the_verdict_is_told_in_words(client, video, tmp_path):
    details = post(client, video).get_json()["details"]
    assert (details["strength"], details["headline"]) == ("strong", "Strong evidence of manipulation")
    assert details["reason"] == "Face 1 scores as fake at 16 of the 16 instants at which it was judged."
    faceless = post(client, write_picture(tmp_path / "a.png", np.full((90, 120, 3), 90, np.uint8)), "")
    details = faceless.get_json()["details"]
    assert details["strength"] == "inconclusive" and details["headline"].startswith("Inconclusive")
    assert details["reason"].startswith("No face was found") and details["model"]["meaning"] is None


def test_it_is_told_what_the_error_rates_mean(client, video):
    meaning = post(client, video).get_json()["details"]["model"]["meaning"]
    assert meaning == {
        "real_called_fake": {"value": 0.05, "low": 0.04, "high": 0.06, "files": 1000},
        "fake_called_real": {"value": 0.1, "low": 0.08, "high": 0.12, "files": 1000},
        "fake_right_of_fakes": [
            {"share_of_fakes": 0.5, "right": pytest.approx(0.9474, abs=1e-4)},
            {"share_of_fakes": 0.1, "right": pytest.approx(0.6667, abs=1e-4)},
            {"share_of_fakes": 0.01, "right": pytest.approx(0.1538, abs=1e-4)},
        ],
    }


def test_it_is_told_from_where_on_the_model_speaks_for_fake_and_where_it_gives_no_verdict(settings, video):
    calibration = {"face_video": Calibration(2.0, 1.25), "face_picture": Calibration(2.0, -1.0)}
    band = {"face_video": (0.2, 0.8), "face_picture": (0.4, 0.6)}
    manifest = replace(MANIFEST, calibration=calibration, inconclusive=band)
    app = create_app(settings, ReadyModel(FakeClassifier(), manifest), examine_here)
    model = post(app.test_client(), video).get_json()["details"]["model"]
    assert (model["threshold"], model["inconclusive"]) == (1.25, [0.2, 0.8])
