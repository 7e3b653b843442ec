from __future__ import annotations

import os
import time

import pytest

from tests.app.test_access import ORIGIN, app_with
from tests.app.test_predict import post
from tests.generators import face_picture, write_picture

EVERY_ANSWER = [
    ("GET", "/", {}),
    ("GET", "/livez", {}),
    ("HEAD", "/", {}),
    ("GET", "/nothing", {}),
    ("GET", "/predict", {}),
    ("POST", "/predict", {}),
    ("GET", "/static/none.jpg", {}),
    ("GET", "/", {"Host": "evil.example"}),
    ("OPTIONS", "/predict", {"Access-Control-Request-Method": "POST"}),
    ("OPTIONS", "/nothing", {"Access-Control-Request-Method": "POST"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), EVERY_ANSWER)
def test_every_answer_is_armoured_and_kept_by_nobody(client, method, path, headers):
    response = client.open(path, method=method, headers=headers)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path", "headers"), EVERY_ANSWER)
def test_every_answer_may_be_read_by_the_configured_origins_and_no_other(client, method, path, headers):
    ours = client.open(path, method=method, headers={**headers, "Origin": ORIGIN})
    assert ours.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
    for origin in ("http://localhost:3001", "http://LOCALHOST:3000", f"{ORIGIN}.evil.example", "null", "*"):
        theirs = client.open(path, method=method, headers={**headers, "Origin": origin})
        assert "Access-Control-Allow-Origin" not in theirs.headers
    assert "Access-Control-Allow-Credentials" not in ours.headers


def test_answers_to_several_origins_are_told_apart_in_caches(settings):
    client = app_with(settings, allowed_origins="http://a.example,http://[::1]:3000").test_client()
    for origin in ("http://a.example", "http://[::1]:3000"):
        response = client.get("/", headers={"Origin": origin})
        assert response.headers["Access-Control-Allow-Origin"] == origin and "Origin" in response.headers["Vary"]
    for origin in ("http://axexample", "http://1:3000", "http://b.example"):
        assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": origin}).headers


def test_a_frame_is_kept_by_the_browser_alone_and_no_longer_than_here(client, settings, tmp_path):
    answer = post(client, write_picture(tmp_path / "a.jpg", face_picture())).get_json()
    name = answer["frames"][0]
    written = time.time() - 1000
    os.utime(settings.frame_folder / name, (written, written))
    with client.get(f"/static/{name}") as response:
        control = response.cache_control
        assert control.private and not control.public and 2580 <= control.max_age <= 2600
        assert response.headers["Content-Type"] == "image/jpeg"
    os.utime(settings.frame_folder / name, (written - 2600, written - 2600))
    assert client.get(f"/static/{name}").status_code == 404


def test_a_link_is_not_followed(client, settings, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (settings.frame_folder / f"{'a' * 32}.jpg").symlink_to(secret)
    assert client.get(f"/static/{'a' * 32}.jpg").status_code == 404


def test_frames_have_nothing_of_the_uploads_metadata(client, settings, tmp_path):
    path = write_picture(tmp_path / "a.jpg", face_picture())
    comment = b"written by somebody at home"
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:])
    assert post(client, path).status_code == 200
    frames = list(settings.frame_folder.glob("*.jpg"))
    assert frames and not any(comment in frame.read_bytes() for frame in frames)
