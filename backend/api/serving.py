"""waitress with deadlines: it receives without holding a thread, and here it gives up on those who never finish.

What the server itself refuses goes through the application too, so that every answer has the same shape and headers.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from backend.api.bodies import Body, Reception
from backend.api.clients import client_of

REFUSED = "detector.refused"  # in the environment of a request that the server refuses: the status to answer
LINGER_SECONDS = 2  # a refused sender may read why, before what it still sends resets the connection
ANSWERED_LATE = 10  # slow bodies answered a second; all of them at once would make a health probe wait
ACCEPTED_AT_ONCE = 64
HEAD_BYTES = 32 * 1024
HEAD_LINES = 100  # each costs time in the loop, however short it is
READ_BYTES = 64 * 1024
SEND_BYTES = 128 * 1024  # what the kernel takes for a reader; with more, a slow one would seem to read nothing for long
CHUNKED_BYTES = 8 * 1024  # parsed at a time; waitress copies what is left of them for every chunk
FRAMING_BYTES = 64 * 1024  # a chunked body's sizes, extensions and trailer may be so much longer than its contents
UNBOUNDED = 2**62  # bytes: waitress' own limit of a body answers before it has read it, which resets the sender
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # lingering for no time: what is still to be sent is thrown away
UNINTELLIGIBLE = 400
STALLED = 408
OVERLONG = 431
CROWDED = 503
NO_STORAGE = 507


@dataclass(frozen=True)
class Deadlines:
    """What is expected of clients, in seconds and bytes a second; they are looked at once a second."""

    upload: float  # a body, in all
    head: float = 10  # a request's head, counted from its first byte or from the connection
    idle: float = 30  # a connection without a request
    grace: float = 20  # a body, or a client's reading, may begin as slowly as it likes
    least_rate: int = 4096  # bytes a second that it must come at after that, on the average


@dataclass(frozen=True)
class Refusal:
    """Why the server does not pass a request on, as a status; waitress calls it a request's error."""

    code: int


class Parser(HTTPRequestParser):
    """waitress' parser, with a body of ours."""

    error: Any
    path = ""  # waitress' own has none where the head could not be read, and fails when it wants to log it

    def __init__(self, adj: Adjustments, reception: Reception, client: str, hold_back: Callable[[bytes], None]) -> None:
        super().__init__(adj)
        self._reception = reception
        self._client = client
        self._hold_back = hold_back
        self._body: Body | None = None

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head; numbers too long for Python are no numbers."""
        if header_plus.count(b"\n") - 1 > HEAD_LINES:  # the last is blank
            self.error = Refusal(OVERLONG)
            header_plus = b"GET / HTTP/1.0\r\n"
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("Content-Length is invalid") from error
        if self.body_rcv is not None:
            self._body = self.body_rcv.buf = Body(self._reception, self._client)

    def received(self, data: bytes) -> int:
        """Take what has come, or the beginning of it; the channel brings the rest again.

        What comes behind the request's end is held back, so that one connection's requests are not all parsed at once.
        """
        begun = self.header_plus or self.headers_finished
        blank = 0 if begun else len(data) - len(data.lstrip())  # lines that are no request, be they many
        consumed: int = blank + super().received(data[blank:][:CHUNKED_BYTES] if self.chunked else data[blank:])
        if self._body is not None and not self.error:
            self.error = self._refuse(self._body)
            if self.error:
                self.completed = True
        if self.completed and consumed < len(data):
            self._hold_back(data[consumed:])
            return len(data)
        return consumed

    def _refuse(self, body: Body) -> Refusal | None:
        """Why not to take a body: at once if its chunks are nonsense, when it has been read if it was not kept."""
        if self.chunked:
            unfinished = len(self.body_rcv.control_line) + len(self.body_rcv.trailer)  # held in memory
            framing = self.body_bytes_received - len(body)
            if unfinished > HEAD_BYTES or framing > len(body) + FRAMING_BYTES:
                return Refusal(UNINTELLIGIBLE)
        if self.completed and not body.finish():
            return Refusal(CROWDED if body.crowded else NO_STORAGE)
        return None


class RefusalTask(WSGITask):
    """Lets the application say what the server itself refuses, as an empty request that only tells its origin."""

    environ: dict[str, Any] | None

    def get_environment(self) -> dict[str, Any]:
        """The environment of that request."""
        if self.environ is None:
            bare = HTTPRequestParser(self.channel.adj)
            bare.parse_header(b"GET / HTTP/1.0\r\n")
            if "ORIGIN" in self.request.headers:
                bare.headers["ORIGIN"] = self.request.headers["ORIGIN"]
            self.environ = {**WSGITask(self.channel, bare).get_environment(), REFUSED: self.request.error.code}
        return self.environ

    def execute(self) -> None:
        """Answer and hang up, since what follows on this connection cannot be understood."""
        self.set_close_on_finish()
        self.channel.refused = True
        super().execute()


class Channel(HTTPChannel):
    """A connection that knows since when it owes a request, or does not take its answer."""

    request: Any  # the one that is being received, or None
    error_task_class = RefusalTask

    def __init__(self, server: Server, sock: socket.socket, address: Any, *args: Any, **kwargs: Any) -> None:
        self.parser_class = partial(server.new_parser, client=client_of(address[0]), hold_back=self._hold_back)
        self._held_back = b""
        self.owes_since: float | None = monotonic()
        self.active_at = monotonic()
        self.unread_since: float | None = None
        self.sent = 0  # bytes since then
        self.refused = False
        self.lingers_since: float | None = None
        super().__init__(server, sock, address, *args, **kwargs)

    def received(self, data: bytes) -> bool:
        """Take what has come, and note when a request begins."""
        if self.lingers_since is not None:
            return False
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before or self.request is None:
            self.owes_since = None if self.request is None else monotonic()
        return taken

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the client takes, and count it."""
        sent: int = super().send(data, do_close)
        self.sent += sent
        return sent

    def readable(self) -> bool:
        """Whether there is anything to wait for from the client; what came with its last request goes first."""
        if self._held_back and super().readable():
            data, self._held_back = self._held_back, b""
            self.received(data)
        return self.lingers_since is not None or bool(super().readable())

    def _hold_back(self, data: bytes) -> None:
        self._held_back = data

    def handle_close(self) -> None:
        """Close; a refused sender is first told that this was all, and may read it while it still sends."""
        if self.refused and self.lingers_since is None and self.connected:
            self.will_close = False
            self.lingers_since = monotonic()
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                return
        if self.request is not None:
            self.request.close()
        super().handle_close()

    def hang_up(self) -> None:
        """Close in the next turn of the loop, as a descriptor used anew in this one would get the old events.

        waitress closes when it can write, which it never could to a client that does not read: shut down, it can.
        """
        self.will_close = True
        with contextlib.suppress(OSError):
            if self.total_outbufs_len:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.socket.shutdown(socket.SHUT_RDWR)

    def observe(self, now: float) -> None:
        """Note what it is doing; only the loop does, so that no other thread writes what the deadlines go by."""
        unread = self.total_outbufs_len > 0
        if not unread:
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since, self.sent = now, 0
        if self.owes_since is not None and (self.requests or unread):
            self.owes_since = now  # it is not read from, so the part of a request that came along cannot go on
        if self.owes_since is not None or self.requests or unread:
            self.active_at = now

    def is_over(self, now: float, deadlines: Deadlines) -> bool:
        """Whether there is nothing more to expect from the client, or it does not take what it gets."""
        if self.lingers_since is not None:
            return now - self.lingers_since > LINGER_SECONDS
        return (
            now - self.active_at > deadlines.idle
            or self.head_is_late(now, deadlines)
            or self.answer_is_late(now, deadlines)
        )

    def answer_is_late(self, now: float, deadlines: Deadlines) -> bool:
        """Whether the client takes its answer too slowly; a byte now and then is not enough."""
        if self.unread_since is None:
            return False
        return now - self.unread_since > deadlines.grace + self.sent / deadlines.least_rate

    def head_is_late(self, now: float, deadlines: Deadlines) -> bool:
        """Whether the head of a request should have come by now."""
        if self.owes_since is None or self.requests or (self.request and self.request.headers_finished):
            return False
        return now - self.owes_since > deadlines.head

    def body_is_late(self, now: float, deadlines: Deadlines) -> bool:
        """Whether a body takes too long, in all or by its rate."""
        if self.owes_since is None or self.requests or not (self.request and self.request.headers_finished):
            return False
        spent = now - self.owes_since
        by_rate: float = deadlines.grace + self.request.body_bytes_received / deadlines.least_rate
        return spent > min(deadlines.upload, by_rate)

    def refuse_late(self) -> None:
        """Answer a request whose body did not come."""
        with self.requests_lock:
            self.request.error = Refusal(STALLED)
            self.request.completed = True
            self.requests.append(self.request)
            self.request = None
        self.server.add_task(self)


class Server(TcpWSGIServer):
    """A listening socket whose connections have deadlines, and which makes room for new ones."""

    channel_class = Channel

    def __init__(self, reception: Reception, deadlines: Deadlines, *args: Any, **kwargs: Any) -> None:
        self._reception = reception
        self._deadlines = deadlines
        self._checked = monotonic()
        super().__init__(*args, **kwargs)

    def new_parser(self, adj: Adjustments, client: str, hold_back: Callable[[bytes], None]) -> Parser:
        """The parser of one request of a client, and what is done with that which comes behind it."""
        return Parser(adj, self._reception, client, hold_back)

    def readable(self) -> bool:
        """Called in every turn of the loop: keep deadlines, by a clock that does not jump."""
        now = monotonic()
        if now - self._checked >= 1:
            self._checked = now
            self.keep_deadlines(now)
        accepts = bool(super().readable())
        if self.in_connection_overflow:  # then nothing is accepted, which is when room is made otherwise
            self.make_room()
        return accepts

    def maintenance(self, now: float) -> None:
        """What waitress does about idle connections, by a clock that may jump; here keep_deadlines does."""

    def keep_deadlines(self, now: float) -> None:
        """Hang up on those of whom nothing more is to be expected, answer bodies that are late."""
        answers = ANSWERED_LATE
        for channel in self.active_channels.values():
            channel.observe(now)
            if channel.is_over(now, self._deadlines):
                channel.hang_up()
            elif answers and channel.body_is_late(now, self._deadlines):
                channel.refuse_late()
                answers -= 1

    def handle_accept(self) -> None:
        """Take all connections that wait, since each turn of the loop costs as much as there are connections."""
        if len(self.active_channels) >= self._reception.connections:
            self.make_room()
        for _ in range(ACCEPTED_AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                break

    def set_socket_options(self, conn: socket.socket) -> None:
        """What a new connection is set to."""
        super().set_socket_options(conn)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)

    def make_room(self) -> None:
        """Hang up on some of those that have owed a request, or not taken their answer, for longest."""
        unserved = [one for one in self.active_channels.values() if not one.requests]
        for channel in sorted(unserved, key=_claim)[:ACCEPTED_AT_ONCE]:
            channel.hang_up()


def _claim(channel: Channel) -> tuple[bool, float]:
    """Who goes first is the smallest: a head that does not come before a body or an answer, the old before the new."""
    if channel.total_outbufs_len:
        return True, channel.unread_since or monotonic()
    receiving = channel.request is not None and channel.request.headers_finished
    return receiving, channel.owes_since or 0.0


def create_server(
    application: Callable[..., Any],
    reception: Reception,
    deadlines: Deadlines,
    *,
    host: str,
    port: int,
    threads: int,
) -> TcpWSGIServer:
    """Listen on every address of the host; the caller calls `run`, which serves all of them.

    Raises:
        OSError: that is not possible.
    """
    adj = Adjustments(
        host=host,
        port=port,
        threads=threads,
        max_request_body_size=UNBOUNDED,
        max_request_header_size=HEAD_BYTES,
        recv_bytes=READ_BYTES,
        connection_limit=2 * reception.connections,
        backlog=reception.connections,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    sockets: dict[int, Any] = {}
    servers = [
        Server(reception, deadlines, application, sockets, dispatcher=dispatcher, adj=adj, sockinfo=address)
        for address in adj.listen
    ]
    return servers[0]
