"""The page beside the real service."""

from __future__ import annotations

import socket

import requests

from backend.app import PAGE_FOLDER
from tests.server import free_port, running_server
from tests.wire import ask, connection, head, read_answer, send


def test_it_is_served_beside_the_service_and_may_call_it(tmp_path):
    port = str(free_port())
    with running_server(tmp_path, DETECTOR_PAGE_PORT=port) as server:
        origin = f"http://localhost:{port}"
        assert f"The page is on {origin}\n" in server.log and f"Serving on {server.url}\n" in server.log
        redirected = requests.get(f"http://127.0.0.1:{port}/", timeout=30)
        assert redirected.url == f"{origin}/" and redirected.content == (PAGE_FOLDER / "index.html").read_bytes()
        service = requests.get(f"{origin}/config.json", timeout=30).json()["api"]
        assert service == server.url.replace("127.0.0.1", "localhost")
        answer = requests.get(service + "/", headers={"Origin": origin}, timeout=30)
        assert answer.json()["status"] == "ok" and answer.headers["Access-Control-Allow-Origin"] == origin


def test_what_is_no_request_is_answered_and_what_is_sent_along_is_not_kept(tmp_path):
    port = free_port()
    url = f"http://localhost:{port}"
    with running_server(tmp_path, DETECTOR_PAGE_PORT=str(port)):
        assert ask(url, b"nonsense\r\n\r\n").status == 400
        assert ask(url, head("GET", "/", url, X=40_000 * "x")).status == 431
        with connection(url) as sock:
            send(sock, [head("POST", "/", url, Content_Length="1000000"), bytes(1_000_000)])
            assert read_answer(sock).status == 405


def test_where_its_port_is_taken_the_service_says_so_and_goes_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running_server(tmp_path, DETECTOR_PAGE_PORT=str(port)) as server:
            assert server.get("/livez").status_code == 200
            (line,) = [line for line in server.log.splitlines() if "page" in line]
            assert f"The page is not served: port {port} is taken." in line and "DETECTOR_PAGE_PORT" in line


def test_where_it_is_switched_off_nothing_is_said_or_served(tmp_path):
    with running_server(tmp_path, DETECTOR_PAGE_PORT="0") as server:
        assert server.get("/livez").status_code == 200 and "page" not in server.log
