from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from backend.api.serving import ANSWERED_LATE, Deadlines
from tests.generators import face_picture, write_picture
from tests.hostile.slow import DRIPPED, begun_bodies, dripping, half_open, open_files
from tests.server import Server, running_server, wait_until
from tests.wire import connection, read_answer

TOO_MANY = 1200  # connections, more than the service takes
HELD_SECONDS = 5  # how long a probe may take: less than a slow client would hold a worker
UPLOAD_SECONDS = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slow")
    with running_server(folder, DETECTOR_UPLOAD_SECONDS=str(UPLOAD_SECONDS)) as running, open_files(TOO_MANY + 200):
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
    """Probe for so many seconds: none waits for a slow client. How long they take is measured by `make soak`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert requests.get(server.url + "/livez", timeout=HELD_SECONDS).status_code == 200


def test_half_open_connections_hold_no_worker_and_are_closed(server, tmp_path):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with half_open(server.url) as opened:
        check_probes(server, 3)
        assert server.predict(picture).status_code == 200
        wait_until(lambda: all(map(is_closed, opened)), Deadlines.head + 5)


def test_more_connections_than_there_is_room_for_push_out_the_oldest(server):
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connection(server.url)) for _ in range(TOO_MANY)]
        check_probes(server, 1)
        assert is_closed(opened[0]) and not is_closed(opened[-1])


def test_a_dripped_head_has_a_deadline(server):
    with connection(server.url) as sock:
        start, pause = time.monotonic(), threading.Event()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ")
        while not is_closed(sock):
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"a")
            assert time.monotonic() - start < Deadlines.head + 5
            pause.wait(0.2)
        assert time.monotonic() - start > Deadlines.head - 1


def test_dripped_bodies_hold_no_worker_and_are_answered_at_the_deadline(server, tmp_path):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with begun_bodies(server.url) as slow:
        with dripping(slow):
            check_probes(server, 2)
            assert server.predict(picture).status_code == 200
            check_probes(server, UPLOAD_SECONDS + DRIPPED / ANSWERED_LATE)
        for sock in slow:
            answer = read_answer(sock)
            assert (answer.status, answer.json["code"]) == (408, "too_slow")
            assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert not any(server.uploads.glob("upload-*"))
