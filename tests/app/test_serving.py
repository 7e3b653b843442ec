"""The server with deadlines of seconds, in this process: real sockets, and a stand-in for the network behind them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from waitress.adjustments import Adjustments
from waitress.wasyncore import close_all

from backend.api.bodies import Reception, Room
from backend.api.serving import CHUNKED_BYTES, FRAMING_BYTES, HEAD_BYTES, HEAD_LINES, Deadlines, Parser, create_server
from backend.config import MEBIBYTE
from tests.server import wait_until
from tests.wire import (
    FORM,
    PART_HEAD,
    PART_TAIL,
    ask,
    connection,
    has_something_to_read,
    head,
    read_answer,
    read_from,
    send,
)

BODY_BYTES = 400_000
ROOM_BYTES = 3 * BODY_BYTES
FRAME = "0" * 32 + ".jpg"
FRAME_BYTES = 8 * MEBIBYTE  # more than the kernel takes for a client that reads nothing
PIECE_SECONDS = 0.05  # between two pieces of a slow body
PATIENCE = 5  # seconds until what should happen at once has happened, on a machine with other work


@dataclass(frozen=True)
class Service:
    """A server in a thread, and what it works with."""

    url: str
    room: Room
    server: Any

    def answers(self) -> bool:
        return ask(self.url, head("GET", "/livez", self.url, Connection="close")).status == 200


@pytest.fixture
def start(app: Flask, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start a server with other limits than the usual."""
    with contextlib.ExitStack() as stack:

        def start(connections: int = 100, application: Callable[..., Any] = app, **deadlines: float) -> Service:
            room = Room(ROOM_BYTES)
            reception = Reception(tmp_path, BODY_BYTES, room, connections)
            patience = Deadlines(**{"upload": 60, **deadlines})
            server = create_server(application, reception, patience, host="127.0.0.1", port=0, threads=4)
            loop = threading.Thread(target=server.run, daemon=True)
            loop.start()
            stack.callback(loop.join)
            stack.callback(server.task_dispatcher.shutdown)
            stack.callback(server.trigger.pull_trigger, lambda: close_all(server._map))
            stack.callback(wait_until, lambda: not server.active_channels, PATIENCE)  # whose clients are gone
            return Service(f"http://127.0.0.1:{server.effective_port}", room, server)

        yield start


def post(service: Service, **headers: str) -> bytes:
    return head("POST", "/predict", service.url, Content_Type=FORM, **headers)


def new_parser(folder: Path) -> Parser:
    return Parser(Adjustments(), Reception(folder, BODY_BYTES, Room(ROOM_BYTES), 1), "10.0.0.1", lambda rest: None)


def is_closed(sock: socket.socket) -> bool:
    """Whether the server hung up, whatever of its answer is still to be read."""
    sock.setblocking(False)
    try:
        while sock.recv(MEBIBYTE):
            pass
        return True
    except ConnectionError:
        return True
    except BlockingIOError:
        return False
    finally:
        sock.setblocking(True)


def drip(sock: socket.socket, piece: bytes, over: Callable[[float], bool]) -> None:
    """Send a piece now and then until it is over, which is told the seconds since the beginning."""
    start, pause = time.monotonic(), threading.Event()
    while not over(time.monotonic() - start):
        sock.sendall(piece)
        pause.wait(PIECE_SECONDS)


# Chunked bodies: what is held in memory, and what they cost.


LONG_CHUNK = b"40000\r\n" + b"a" * 0x40000 + b"\r\n"  # contents that would allow for as much framing


@pytest.mark.parametrize(
    "beginning", [b"1;", b"0\r\nX-Trailer: ", LONG_CHUNK + b"1;", LONG_CHUNK + b"0\r\nX-Trailer: "]
)
def test_an_endless_extension_or_trailer_is_refused_before_it_fills_the_memory(start, beginning):
    service = start()
    with connection(service.url, timeout=PATIENCE) as sock:
        send(sock, chain([post(service, Transfer_Encoding="chunked") + beginning], [b"a" * HEAD_BYTES] * 2))
        answer = read_answer(sock)
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert answer.is_armoured()


def test_what_is_sent_after_that_does_not_take_the_answer_away(start):
    service = start()
    request = post(service, Transfer_Encoding="chunked") + b"1;"
    assert ask(service.url, request, repeat(b"a" * MEBIBYTE, 30)).status == 400


def test_a_trailer_of_the_usual_size_is_read_over(start):
    service = start()
    body = b"%x\r\n%s\r\n0\r\nX-Trailer: %s\r\n\r\n" % (len(PART_TAIL), PART_TAIL, b"a" * 1000)
    answer = ask(service.url, post(service, Transfer_Encoding="chunked"), [body])
    assert (answer.status, answer.json["code"]) == (400, "missing_file")


@pytest.mark.parametrize(("content", "status"), [(b"a", 400), (b"abcdefgh", 200)])
def test_a_body_of_tiny_chunks_is_refused_unless_it_is_mostly_contents(start, content, status):
    def application(environ: dict[str, Any], respond: Callable[..., Any]) -> list[bytes]:
        respond("200 OK" if "detector.refused" not in environ else "400 Bad Request", [("Content-Length", "0")])
        return [b""]

    service = start(application=application)
    chunks = (b"%x\r\n%s\r\n" % (len(content), content)) * FRAMING_BYTES
    assert ask(service.url, post(service, Transfer_Encoding="chunked"), [chunks, b"0\r\n\r\n"]).status == status


def test_a_chunked_body_is_parsed_in_pieces(tmp_path):
    parser = new_parser(tmp_path)
    parser.received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert parser.received(b"1\r\na\r\n" * FRAMING_BYTES) == CHUNKED_BYTES
    parser.close()


# What all bodies may keep.


def test_bodies_that_fill_the_room_make_others_busy_until_they_are_gone(start):
    service = start()
    request = post(service, Content_Length=str(BODY_BYTES + 1)) + PART_HEAD
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connection(service.url)).sendall(request + bytes(BODY_BYTES - len(PART_HEAD)))
        wait_until(lambda: service.room.left == 0, PATIENCE)
        refused = ask(service.url, post(service, Content_Length="100000"), [bytes(100_000)])
        assert (refused.status, refused.json["code"]) == (503, "busy")
        assert refused.headers["retry-after"] == "2" and refused.is_armoured()
        assert service.answers()
    wait_until(lambda: service.room.left == ROOM_BYTES, PATIENCE)
    assert ask(service.url, post(service, Content_Length="100000"), [bytes(100_000)]).status == 400


@pytest.mark.parametrize("sent", [100, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_every_body_gives_its_room_back(start, sent, chunked):
    service = start()
    kind = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": str(sent)}
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (sent, bytes(sent)) if chunked else bytes(sent)
    for damage in (body, body[:-10], b"zz\r\n" + body):
        with connection(service.url) as sock:
            send(sock, [post(service, **kind), damage])
            if damage == body:
                assert read_answer(sock).status == 400
    wait_until(lambda: not service.server.active_channels and service.room.left == ROOM_BYTES, PATIENCE)


def test_a_client_that_fills_the_room_makes_way_for_another(start):
    service = start()
    with contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(connection(service.url)) for _ in range(3)]
        for place, sock in enumerate(greedy):
            sock.sendall(post(service, Content_Length=str(BODY_BYTES)) + bytes(BODY_BYTES - 1))
            wait_until(lambda kept=place + 1: service.room.left == ROOM_BYTES - kept * (BODY_BYTES - 1), PATIENCE)
        with connection(service.url, source="127.0.0.2") as other:
            send(other, [post(service, Content_Length="100000"), bytes(100_000)])
            assert read_answer(other).status == 400
        statuses = []
        for sock in greedy:
            sock.sendall(b"-")
            statuses.append(read_answer(sock).status)
        assert statuses == [400, 400, 503]
    wait_until(lambda: service.room.left == ROOM_BYTES, PATIENCE)


# Slow bodies: on both sides of the rate.


def test_a_body_above_the_least_rate_outlives_the_grace_and_is_answered(start):
    service = start(grace=0.5, least_rate=10_000)
    with connection(service.url) as sock:
        sock.sendall(post(service, Transfer_Encoding="chunked"))
        drip(sock, b"3e8\r\n%s\r\n" % bytes(1000), lambda seconds: seconds > 4)  # nearly 20,000 a second
        sock.sendall(b"0\r\n\r\n")
        answer = read_answer(sock)
    assert (answer.status, answer.json["code"]) == (400, "missing_file")


def test_a_body_below_the_least_rate_is_given_up_long_before_the_deadline(start):
    service = start(grace=0.5, least_rate=10_000)
    with connection(service.url, timeout=PATIENCE) as sock:
        sock.sendall(post(service, Content_Length="1000000"))
        with contextlib.suppress(ConnectionError):
            drip(sock, bytes(100), lambda seconds: seconds > PATIENCE or has_something_to_read(sock))
        answer = read_answer(sock)
    assert (answer.status, answer.json["code"]) == (408, "too_slow")


# Slow readers.


@pytest.fixture
def frame(settings) -> None:
    (settings.frame_folder / FRAME).write_bytes(bytes(FRAME_BYTES))


@contextlib.contextmanager
def reader(service: Service) -> Iterator[socket.socket]:
    """A connection on which more is to be read than is taken in."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", int(service.server.effective_port)))
        sock.sendall(head("GET", f"/static/{FRAME}", service.url))
        yield sock


def test_a_client_that_reads_a_byte_now_and_then_is_hung_up_on(start, frame):
    service = start(grace=1, least_rate=100_000)
    pause = threading.Event()
    with reader(service) as sock:
        wait_until(lambda: service.server.active_channels, PATIENCE)
        begun = time.monotonic()
        while service.server.active_channels:
            with contextlib.suppress(ConnectionError):
                sock.recv(1)
            assert time.monotonic() - begun < PATIENCE
            pause.wait(PIECE_SECONDS)


def test_a_client_that_reads_slowly_but_steadily_gets_its_answer(start, frame):
    service = start(grace=0.5, least_rate=200_000)
    begun, got, pause = time.monotonic(), 0, threading.Event()
    with reader(service) as sock:
        while got < FRAME_BYTES:
            piece = sock.recv(64 * 1024)
            assert piece, "hung up"
            got += len(piece)
            if got < FRAME_BYTES / 2:
                pause.wait(len(piece) / 2_000_000)
        assert time.monotonic() - begun > 1.5


def test_readers_that_do_not_read_make_room_for_new_connections(start, frame):
    service = start(connections=80)  # more than are hung up on at once; twice as many are not accepted
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(reader(service))
        with connection(service.url, timeout=PATIENCE) as sock:
            sock.sendall(head("GET", "/livez", service.url))
            assert read_answer(sock).status == 200


# Idle connections, and what follows on one.


def test_an_idle_connection_is_closed_in_time(start):
    service = start(idle=1)
    with connection(service.url) as sock:
        for _ in range(2):
            sock.sendall(head("GET", "/livez", service.url))
            assert read_answer(sock).status == 200
        begun = time.monotonic()
        wait_until(lambda: is_closed(sock), PATIENCE)
        assert time.monotonic() - begun > 0.5


def test_a_clock_that_jumps_ends_no_idle_connection(start, monkeypatch):
    service = start()
    with connection(service.url) as sock:
        for offset in (0, 3600, 7200):
            monkeypatch.setattr("waitress.server.time", SimpleNamespace(time=lambda ahead=offset: time.time() + ahead))
            checked = service.server._checked
            wait_until(lambda before=checked: service.server._checked > before + 1, PATIENCE)
            sock.sendall(head("GET", "/livez", service.url))
            assert read_answer(sock).status == 200


def test_a_request_that_begins_while_another_is_served_has_its_time_afterwards(start):
    entered, may_leave = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], respond: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            entered.set()
            may_leave.wait()
        respond("200 OK", [("Content-Length", "0")])
        return [b""]

    service = start(application=application, head=2)
    with connection(service.url) as sock:
        second = head("GET", "/second", service.url)
        sock.sendall(head("GET", "/slow", service.url) + second[:10])
        entered.wait()
        begun = service.server._checked
        wait_until(lambda: service.server._checked > begun + 3, 2 * PATIENCE)
        may_leave.set()
        assert read_answer(sock).status == 200
        before = service.server._checked
        wait_until(lambda: service.server._checked > before, PATIENCE)
        sock.sendall(second[10:])
        assert read_answer(sock).status == 200


# Many requests at once.


def test_requests_that_come_in_one_packet_are_answered_in_order_and_parsed_one_by_one(start):
    waiting: list[int] = []

    def application(environ: dict[str, Any], respond: Callable[..., Any]) -> list[bytes]:
        waiting.extend(len(channel.requests) for channel in service.server.active_channels.values())
        body = environ["PATH_INFO"].encode() + environ["wsgi.input"].read()
        respond("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    service = start(application=application)
    kinds = {
        "plain": b"GET /plain HTTP/1.1\r\n\r\n",
        "sized": b"PUT /sized HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
        "chunked": b"PUT /chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "after blank lines": b"\r\n\r\nGET /plain HTTP/1.1\r\n\r\n",
    }
    packet = b"".join(kinds.values()) * 100
    with connection(service.url) as sock:
        sock.sendall(packet[:-10])
        stream = sock.makefile("rb")
        answers = [read_from(stream).body for _ in range(399)]
        sock.sendall(packet[-10:])
        answers.append(read_from(stream).body)
        stream.close()
    assert answers == [b"/plain", b"/sizedbody", b"/chunkedbody", b"/plain"] * 100
    assert max(waiting) == 1


def test_what_follows_a_request_that_cannot_be_understood_is_not_even_parsed(start):
    service = start()
    with connection(service.url) as sock:
        sock.sendall(b"a\r\n\r\n" * 10_000)
        assert read_answer(sock).status == 400
        wait_until(lambda: is_closed(sock), PATIENCE)


def test_blank_lines_are_no_requests_however_many_they_are(tmp_path):
    parser = new_parser(tmp_path)
    assert parser.received(b"\r\n" * 30_000) == 60_000
    assert not parser.completed
    parser.received(b"GET / HTTP/1.1\r\n\r\n")
    assert parser.completed and not parser.empty and parser.error is None


@pytest.mark.parametrize(("lines", "status"), [(HEAD_LINES, 200), (HEAD_LINES + 1, 431)])
def test_a_head_has_so_many_lines_and_no_more(start, lines, status):
    service = start()
    many = b"".join(b"X-%d:\r\n" % place for place in range(lines - 3))
    request = head("GET", "/livez", service.url, Connection="close")
    assert request.count(b"\r\n") == 4
    assert ask(service.url, request[:-2] + many + b"\r\n").status == status
