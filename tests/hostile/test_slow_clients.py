from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from statistics import quantiles

import pytest

from backend.api import serving
from tests.generators import face_picture, write_picture
from tests.server import Server, running_server, wait_until
from tests.wire import FORM, PART_HEAD, connection, head, read_answer

HALF_OPEN = 300
PROBE_SECONDS = 0.1
PAUSED_SECONDS = 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("slow"), DETECTOR_UPLOAD_SECONDS="12") as running:
        running.wait_for("/readyz", 200)
        yield running


def is_closed(sock: socket.socket) -> bool:
    patience = sock.gettimeout()
    sock.setblocking(False)
    try:
        return not sock.recv(1)
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(patience)


def check_probes(server: Server, seconds: float) -> None:
    """Probe for so many seconds; one in a hundred may meet a pause of the machine itself."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        assert server.get("/livez").status_code == 200
        taken.append(time.monotonic() - start)
    assert quantiles(taken, n=100)[98] < PROBE_SECONDS and max(taken) < PAUSED_SECONDS


def test_half_open_connections_hold_no_worker_and_are_closed(server, tmp_path):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connection(server.url)) for _ in range(HALF_OPEN)]
        half = [stack.enter_context(connection(server.url)) for _ in range(HALF_OPEN)]
        for sock in half:
            sock.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        check_probes(server, 3)
        assert server.predict(picture).status_code == 200
        wait_until(lambda: all(map(is_closed, silent + half)), serving.HEAD_SECONDS + 5)


def test_more_connections_than_there_is_room_for_push_out_the_oldest(server):
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connection(server.url)) for _ in range(1200)]
        check_probes(server, 1)
        assert is_closed(opened[0]) and not is_closed(opened[-1])


def test_a_dripped_head_has_a_deadline(server):
    with connection(server.url) as sock:
        start, pause = time.monotonic(), threading.Event()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ")
        while not is_closed(sock):
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"a")
            assert time.monotonic() - start < serving.HEAD_SECONDS + 5
            pause.wait(0.2)
        assert time.monotonic() - start > serving.HEAD_SECONDS - 1


def test_dripped_bodies_hold_no_worker_and_are_answered_at_the_deadline(server, tmp_path):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    request = head(
        "POST", "/predict", server.url, Content_Type=FORM, Content_Length="1000000", Origin="http://localhost:3000"
    )
    with contextlib.ExitStack() as stack:
        dripping = [stack.enter_context(connection(server.url)) for _ in range(100)]
        for sock in dripping:
            sock.sendall(request + PART_HEAD)
        check_probes(server, 2)
        assert server.predict(picture).status_code == 200
        check_probes(server, 12 + 100 / serving.ANSWERED_LATE)
        for sock in dripping:
            answer = read_answer(sock)
            assert (answer.status, answer.json["code"]) == (408, "too_slow")
            assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert not any(server.uploads.glob("upload-*"))


def test_a_body_below_the_least_rate_is_given_up_before_the_deadline(tmp_path):
    with running_server(tmp_path) as server, connection(server.url) as sock:
        start = time.monotonic()
        sock.sendall(head("POST", "/predict", server.url, Content_Type=FORM, Content_Length="1000000") + PART_HEAD)
        assert read_answer(sock).status == 408
        assert serving.GRACE_SECONDS - 1 < time.monotonic() - start < serving.GRACE_SECONDS + 5
