from __future__ import annotations

import io
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from backend.app import create_app
from backend.config import MEBIBYTE
from backend.model.batching import Batcher
from tests.fakes import AbsentModel, FailingNetwork, FakeClassifier, MeanNetwork, ReadyModel, examine_here
from tests.generators import face_picture, write_picture, write_sound
from tests.metrics import counted
from tests.server import wait_until

PNG = b"\x89PNG\r\n\x1a\n"


def upload(client, data: bytes, name: str):
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(data), filename=name)})
    return client.post("/predict", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def check(response, status: int, code: str, words: str) -> None:
    body = response.get_json()
    assert (response.status_code, body["code"]) == (status, code)
    assert list(body) == ["status", "code", "error", "request_id"] and body["status"] == "error"
    assert words in body["error"] and body["error"].endswith(".")
    assert body["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("data", "name", "status", "code", "words"),
    [
        (b"just some text, no video", "clip.mp4", 415, "unsupported_type", "whatever the file is called"),
        (b"GIF89a" + bytes(40), "a.png", 415, "unsupported_type", "avi, jpeg, jpg, mov, mp4, png"),
        (PNG + bytes(40), "a.gif", 415, "unsupported_type", "avi, jpeg, jpg, mov, mp4, png"),
        (PNG + bytes(40), "noextension", 415, "unsupported_type", "not accepted"),
        (PNG + bytes(40), "a.png", 422, "unreadable_media", "damaged"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a.jpg", 422, "unreadable_media", "damaged"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(40), "a.mp4", 422, "unreadable_media", "damaged"),
        (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(40), "a.avi", 422, "unreadable_media", "damaged"),
        (b"", "a.mp4", 422, "unreadable_media", "empty"),
        (b"data", "", 400, "empty_filename", "choose a file"),
    ],
)
def test_a_bad_file_is_refused_in_words_a_user_understands(client, data, name, status, code, words):
    check(upload(client, data, name), status, code, words)


@pytest.mark.parametrize("data", [{}, {"other": (io.BytesIO(b"x"), "a.png")}, {"file": "not a file"}])
def test_a_request_without_a_file_says_which_field_is_missing(client, data):
    check(client.post("/predict", data=data, content_type="multipart/form-data"), 400, "missing_file", "'file'")


def test_a_body_that_is_no_form_has_no_file(client):
    check(client.post("/predict", data=b"raw", content_type="video/mp4"), 400, "missing_file", "'file'")


def test_two_files_at_once_are_one_too_many(client):
    files = [(io.BytesIO(PNG), "a.png"), (io.BytesIO(PNG), "b.png")]
    check(client.post("/predict", data={"file": files}), 400, "bad_request", "one file at a time")


def test_sound_alone_is_no_video(client, tmp_path):
    data = write_sound(tmp_path / "a.mp4").read_bytes()
    check(upload(client, data, "a.mp4"), 422, "no_video_stream", "no video")


def test_a_picture_with_too_many_pixels_is_refused(settings, tmp_path):
    client = create_app(
        settings.model_copy(update={"picture_pixels": 9_999}), ReadyModel(FakeClassifier()), examine_here
    ).test_client()
    path = write_picture(tmp_path / "a.png", np.zeros((100, 100, 3), np.uint8))
    check(upload(client, path.read_bytes(), "a.png"), 422, "media_too_complex", "100 x 100 pixels")


@pytest.mark.parametrize(("size", "status"), [(0, 422), (1, 413)])
def test_a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not(client, settings, size, status):
    data = PNG + bytes(settings.upload_limit - len(PNG) + size)
    response = upload(client, data, "a.png")
    assert response.status_code == status
    if status == 413:
        check(response, 413, "file_too_large", "larger than 1.90735 MB")


def test_a_body_far_over_the_limit_is_refused_before_it_is_read(client, settings):
    check(upload(client, bytes(settings.upload_limit + 2 * MEBIBYTE), "a.png"), 413, "file_too_large", "larger than")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/static/", "/static/../app.py", "/static/%2e%2e%2fapp.py", "/static/a.jpg", "/static/.gitkeep"],
)
def test_what_is_not_there_is_not_found(client, path):
    check(client.get(path), 404, "not_found", "nothing here")


def test_a_frame_that_was_purged_is_not_found(client):
    check(client.get(f"/static/{'0' * 32}.jpg"), 404, "not_found", "its time is over")


def test_another_method_is_refused_with_those_that_are_taken(client):
    response = client.get("/predict")
    check(response, 405, "method_not_allowed", "method")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/predict", "/readyz"])
def test_without_a_model_nothing_is_judged_and_the_reason_is_told(settings, path):
    client = create_app(settings, AbsentModel("There is no model file: put it in place."), examine_here).test_client()
    response = upload(client, PNG, "a.png") if path == "/predict" else client.get(path)
    check(response, 503, "not_ready", "There is no model file")
    assert int(response.headers["Retry-After"]) > 0
    assert client.get("/").get_json()["model"] is None and client.get("/livez").status_code == 200


class OnDevices(FakeClassifier):
    """Judges on stand-ins for GPUs, of which one fails when it is sent something."""

    def __init__(self, sound: int) -> None:
        super().__init__()
        self._batcher = Batcher([FailingNetwork("run"), *(MeanNetwork() for _ in range(sound))], [1])

    @property
    def failed(self) -> bool:
        return self._batcher.failed

    def predict(self, crops):
        probabilities, maps = self._batcher.predict(np.minimum(crops, 254))  # what is brighter makes them fail
        return probabilities / 255, maps / 255


def test_when_the_last_device_fails_files_are_turned_away_and_the_service_is_not_ready(settings, tmp_path):
    client = create_app(settings, ReadyModel(OnDevices(sound=0)), examine_here).test_client()
    data = write_picture(tmp_path / "a.png", face_picture()).read_bytes()
    assert client.get("/readyz").status_code == 200
    for response in (upload(client, data, "a.png"), client.get("/readyz"), upload(client, data, "a.png")):
        check(response, 503, "not_ready", "started anew")
    assert client.get("/livez").status_code == 200


def test_while_a_device_is_left_files_are_judged(settings, tmp_path):
    classifier = OnDevices(sound=1)
    client = create_app(settings, ReadyModel(classifier), examine_here).test_client()
    data = write_picture(tmp_path / "a.png", face_picture()).read_bytes()
    while not any(device.failed for device in classifier._batcher._devices):
        assert upload(client, data, "a.png").status_code == 200
    assert upload(client, data, "a.png").status_code == client.get("/readyz").status_code == 200


class Gate(FakeClassifier):
    """Judges nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.release = threading.Event(), threading.Event()

    def predict(self, crops):
        self.inside.set()
        assert self.release.wait(10)
        return super().predict(crops)


def test_more_files_than_may_wait_are_turned_away_at_once(settings, tmp_path):
    gate = Gate()
    app = create_app(settings.model_copy(update={"analyses": 1, "queue": 0}), ReadyModel(gate), examine_here)
    data = write_picture(tmp_path / "a.png", face_picture()).read_bytes()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: upload(app.test_client(), data, "a.png"))
        assert gate.inside.wait(10)
        response = upload(app.test_client(), data, "a.png")
        gate.release.set()
        assert first.result(10).status_code == 200
    check(response, 503, "busy", "try again")
    assert int(response.headers["Retry-After"]) > 0


def test_a_client_that_fills_the_queue_gives_way_to_another_address(settings, tmp_path):
    gate = Gate()
    app = create_app(settings.model_copy(update={"analyses": 1, "queue": 2}), ReadyModel(gate), examine_here)
    data = write_picture(tmp_path / "a.png", face_picture()).read_bytes()

    def send(address: str):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return upload(client, data, "a.png")

    with ThreadPoolExecutor(4) as pool:
        greedy = [pool.submit(send, "192.0.2.1")]
        assert gate.inside.wait(10)
        greedy += [pool.submit(send, "192.0.2.1") for _ in range(2)]
        wait_until(lambda: counted("detector_files_waiting") == 2, 10)
        other = pool.submit(send, "192.0.2.2")
        wait_until(lambda: any(answer.done() for answer in greedy), 10)
        gate.release.set()
        assert other.result(10).status_code == 200
        assert sorted(answer.result(10).status_code for answer in greedy) == [200, 200, 503]


def test_a_failure_nobody_foresaw_tells_nothing_of_the_inside(settings, tmp_path, caplog):
    class Broken(FakeClassifier):
        def predict(self, crops):
            raise RuntimeError("/secret/place")

    client = create_app(settings, ReadyModel(Broken()), examine_here).test_client()
    data = write_picture(tmp_path / "a.png", face_picture()).read_bytes()
    with caplog.at_level(logging.ERROR):
        response = upload(client, data, "a.png")
    check(response, 500, "internal_error", "not with your file")
    assert b"secret" not in response.data and "/secret/place" in caplog.text
    assert list(settings.upload_folder.iterdir()) == [] and list(settings.frame_folder.iterdir()) == []
