from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from backend.api.headers import SECURITY_HEADERS
from backend.api.page import PageSettings, create_page
from backend.api.serving import REFUSED
from backend.app import PAGE_FOLDER

HOST = {"Host": "localhost:3000"}
HOSTS = ("localhost", "127.0.0.1", "[::1]", "detector.example")
SETTINGS = PageSettings(5000, HOSTS, ("http://localhost:3000",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "a.js").write_text("start()")
    (folder / "assets" / "a.css").write_text("p {}")
    (folder / "assets" / "notes.md").write_text("not served")
    (folder / ".env.txt.bak").write_text("not served")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def client(folder: Path) -> Client:
    return Client(create_page(folder, SETTINGS))


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/", "text/html; charset=utf-8", "page"),
        ("/index.html", "text/html; charset=utf-8", "page"),
        ("/assets/a.js", "text/javascript; charset=utf-8", "start()"),
        ("/assets/a.css", "text/css; charset=utf-8", "p {}"),
        ("/config.json", "application/json", '{"api": "http://localhost:5000"}'),
    ],
)
def test_its_files_are_served_as_what_they_are(client, path, kind, words):
    response = client.get(path, headers=HOST)
    assert response.status_code == 200 and response.headers["Content-Type"] == kind and words in response.text
    head = client.head(path, headers=HOST)
    assert head.status_code == 200 and head.data == b"" and head.content_length == len(response.data)


@pytest.mark.parametrize(
    "path",
    [
        "/assets",
        "/assets/",
        "/assets/notes.md",
        "/.env.txt.bak",
        "/link.txt",
        "/../secret.txt",
        "/assets/../index.html",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets%5ca.js",
        "/INDEX.HTML",
        "/index.html%00",
    ],
)
def test_nothing_else_is(client, path):
    response = client.get(path, headers=HOST)
    assert response.status_code == 404 and "secret" not in response.text


def test_what_is_put_into_the_folder_later_is_not_served(client, folder):
    (folder / "late.js").write_text("late()")
    (folder / "index.html").write_text("changed")
    assert client.get("/late.js", headers=HOST).status_code == 404
    assert "changed" not in client.get("/", headers=HOST).text


def test_a_folder_without_an_index_is_no_page(folder):
    (folder / "index.html").unlink()
    with pytest.raises(FileNotFoundError, match=r"index\.html"):
        create_page(folder, SETTINGS)


def test_the_policy_lets_it_call_the_service_and_nobody_else(client):
    response = client.get("/", headers=HOST)
    (policy,) = response.headers.getlist("Content-Security-Policy")
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' blob: data: http://localhost:5000",
        "media-src": "blob:",
        "connect-src": "'self' http://localhost:5000",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["Permissions-Policy"] == "camera=(self), microphone=(), geolocation=()"


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/", "localhost:3000", 200),
        ("GET", "/nothing", "localhost:3000", 404),
        ("POST", "/", "localhost:3000", 405),
        ("OPTIONS", "/", "localhost:3000", 405),
        ("GET", "/", "evil.example", 400),
        ("GET", "/", "127.0.0.1:3000", 307),
    ],
)
def test_every_answer_is_armoured(client, method, path, host, status):
    response = client.open(path, method=method, headers={"Host": host})
    assert response.status_code == status
    for name in SECURITY_HEADERS:
        assert len(response.headers.getlist(name)) == 1, name
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in response.headers
    if status == 405:
        assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", ["evil.example:3000", "localhost.evil.example", "", "localhost:3000:81", "[::2]:3000"])
@pytest.mark.parametrize("path", ["/", "/config.json", "/nothing"])
def test_a_request_to_another_host_is_refused_and_not_repeated(client, path, host):
    response = client.get(path, headers={"Host": host})
    assert response.status_code == 400 and "evil" not in response.text + str(response.headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/assets/a.js?x=1"])
def test_a_number_for_this_machine_leads_to_the_name_that_the_service_allows(client, host, path):
    response = client.get(path, headers={"Host": f"{host}:3000"})
    assert response.status_code == 307 and response.headers["Location"] == f"http://localhost:3000{path}"


def test_it_leads_nowhere_else(client):
    overrides = {"PATH_INFO": "//evil.example/"}
    response = client.get("/", headers={"Host": "127.0.0.1:3000"}, environ_overrides=overrides)
    assert response.headers["Location"] == "http://localhost:3000/evil.example/"


def test_where_the_number_is_allowed_it_may_stay(folder):
    client = Client(create_page(folder, PageSettings(5000, HOSTS, ("http://127.0.0.1:3000",))))
    response = client.get("/config.json", headers={"Host": "127.0.0.1:3000"})
    assert response.status_code == 200 and response.get_json() == {"api": "http://127.0.0.1:5000"}


def test_under_another_name_the_service_is_looked_for_there(folder):
    client = Client(create_page(folder, PageSettings(5001, HOSTS, ("http://detector.example",))))
    headers = {"Host": "Detector.Example"}
    assert client.get("/config.json", headers=headers).get_json() == {"api": "http://detector.example:5001"}
    assert "http://detector.example:5001;" in client.get("/", headers=headers).headers["Content-Security-Policy"]


def test_a_browser_that_has_a_file_is_told_so(client):
    tag = client.get("/assets/a.js", headers=HOST).headers["ETag"]
    again = client.get("/assets/a.js", headers={**HOST, "If-None-Match": tag})
    assert again.status_code == 304 and again.data == b""
    assert client.get("/assets/a.css", headers={**HOST, "If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("status", [400, 408, 431, 501, 503])
def test_what_the_server_refuses_is_answered_as_it_says(client, status):
    response = client.get("/", headers=HOST, environ_overrides={REFUSED: status})
    assert response.status_code == status and "page" not in response.text


def test_the_shipped_page_asks_for_nothing_that_it_may_not_have():
    client = Client(create_page(PAGE_FOLDER, SETTINGS))
    page = client.get("/", headers=HOST).text
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(path, headers=HOST).status_code == 200, path
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
