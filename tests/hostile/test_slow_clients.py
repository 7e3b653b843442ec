from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import pytest

from backend.api.serving import ANSWERED_LATE, Deadlines
from tests.generators import face_picture, write_picture
from tests.server import Server, running_server, wait_until
from tests.wire import FORM, PART_HEAD, connection, has_something_to_read, head, read_answer

HALF_OPEN = 300
TOO_MANY = 1200  # connections, more than the service takes
OPEN_FILES = TOO_MANY + 200  # of this process
PROBE_SECONDS = 0.1
PAUSED_SECONDS = 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("slow"), DETECTOR_UPLOAD_SECONDS="12") as running:
        running.wait_for("/readyz", 200)
        yield running


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """So many open files as the connections of this process need, which are often more than it may have at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        pytest.fail(f"this test needs {OPEN_FILES} open files, but `ulimit -Hn` allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, OPEN_FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


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


@pytest.mark.alone
def test_half_open_connections_hold_no_worker_and_are_closed(server, tmp_path, many_open_files):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connection(server.url)) for _ in range(HALF_OPEN)]
        half = [stack.enter_context(connection(server.url)) for _ in range(HALF_OPEN)]
        for sock in half:
            sock.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        check_probes(server, 3)
        assert server.predict(picture).status_code == 200
        wait_until(lambda: all(map(is_closed, silent + half)), Deadlines.head + 5)


@pytest.mark.alone
def test_more_connections_than_there_is_room_for_push_out_the_oldest(server, many_open_files):
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


@contextlib.contextmanager
def dripping(sockets: Sequence[socket.socket]) -> Iterator[None]:
    """Send a byte on each now and then, until it is answered: what is sent after that would reset the connection."""
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.5):
            for sock in sockets:
                if not has_something_to_read(sock):
                    sock.sendall(b"a")

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(drip)
        try:
            yield
        finally:
            over.set()
        task.result()


@pytest.mark.alone
def test_dripped_bodies_hold_no_worker_and_are_answered_at_the_deadline(server, tmp_path):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    request = head(
        "POST", "/predict", server.url, Content_Type=FORM, Content_Length="1000000", Origin="http://localhost:3000"
    )
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connection(server.url)) for _ in range(100)]
        for sock in slow:
            sock.sendall(request + PART_HEAD)
        with dripping(slow):
            check_probes(server, 2)
            assert server.predict(picture).status_code == 200
            check_probes(server, 12 + 100 / ANSWERED_LATE)
        for sock in slow:
            answer = read_answer(sock)
            assert (answer.status, answer.json["code"]) == (408, "too_slow")
            assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert not any(server.uploads.glob("upload-*"))
