"""Clients that take their time (slowloris), as many as are wanted."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.wire import FORM, PART_HEAD, connection, has_something_to_read, head

HALF_OPEN = 600
DRIPPED = 100
DRIP_SECONDS = 0.5


@contextlib.contextmanager
def open_files(count: int) -> Iterator[None]:
    """Let this process have so many open files at once, which are often more than it may have at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise RuntimeError(f"this needs {count} open files, but `ulimit -Hn` allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def half_open(url: str) -> Iterator[list[socket.socket]]:
    """HALF_OPEN connections: on one half nothing is sent, on the other a head that does not end."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connection(url)) for _ in range(HALF_OPEN)]
        for sock in opened[HALF_OPEN // 2 :]:
            sock.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        yield opened


@contextlib.contextmanager
def begun_bodies(url: str) -> Iterator[list[socket.socket]]:
    """DRIPPED connections with the head of an upload and the first bytes of its body."""
    request = head("POST", "/predict", url, Content_Type=FORM, Content_Length="1000000", Origin="http://localhost:3000")
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connection(url)) for _ in range(DRIPPED)]
        for sock in opened:
            sock.sendall(request + PART_HEAD)
        yield opened


@contextlib.contextmanager
def dripping(sockets: Sequence[socket.socket]) -> Iterator[None]:
    """Send a byte on each now and then, until it is answered: what is sent after that would reset the connection."""
    over = threading.Event()

    def drip() -> None:
        while not over.wait(DRIP_SECONDS):
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
