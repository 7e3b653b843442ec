"""waitress with deadlines: it receives without holding a thread, and here it gives up on those who never finish.

What the server itself refuses goes through the application too, so that every answer has the same shape and headers.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from backend.api.bodies import Body, Reception

REFUSED = "detector.refused"  # in the environment of a request that the server refuses: the status to answer
HEAD_SECONDS = 10  # a request's head must have come by then, counted from its first byte or from the connection
IDLE_SECONDS = 30  # a connection without a request, or one that does not take its answer
GRACE_SECONDS = 20  # a body may begin as slowly as it likes, then it must come at LEAST_RATE on the average
LEAST_RATE = 4096  # bytes a second
LINGER_SECONDS = 2  # a refused sender may read why, before what it still sends resets the connection
ANSWERED_LATE = 10  # slow bodies answered a second; all of them at once would make a health probe wait
ACCEPTED_AT_ONCE = 64
HEAD_BYTES = 32 * 1024
READ_BYTES = 64 * 1024
UNBOUNDED = 2**62  # bytes: waitress' own limit of a body answers before it has read it, which resets the sender
STALLED = 408
NO_STORAGE = 507


@dataclass(frozen=True)
class Refusal:
    """Why the server does not pass a request on, as a status; waitress calls it a request's error."""

    code: int


class Parser(HTTPRequestParser):
    """waitress' parser, with a body of ours."""

    error: Any
    path = ""  # waitress' own has none where the head could not be read, and fails when it wants to log it

    def __init__(self, adj: Adjustments, reception: Reception) -> None:
        super().__init__(adj)
        self._reception = reception
        self._body: Body | None = None

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head; numbers too long for Python are no numbers."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("Content-Length is invalid") from error
        if self.body_rcv is not None:
            self._body = self.body_rcv.buf = Body(self._reception)

    def received(self, data: bytes) -> int:
        """Take what has come; a body that could not be kept is refused when it has been read."""
        consumed: int = super().received(data)
        if self.completed and self._body and not self._body.is_kept() and not self.error:
            self.error = Refusal(NO_STORAGE)
        return consumed


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
    """A connection that knows since when it owes a request."""

    request: Any  # the one that is being received, or None
    error_task_class = RefusalTask

    def __init__(self, server: Server, *args: Any, **kwargs: Any) -> None:
        self.parser_class: Callable[[Adjustments], Parser] = server.new_parser
        self.owes_since: float | None = monotonic()
        self.refused = False
        self.lingers_since: float | None = None
        super().__init__(server, *args, **kwargs)

    def received(self, data: bytes) -> bool:
        """Take what has come, and note when a request begins."""
        if self.lingers_since is not None:
            return False
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before or self.request is None:
            self.owes_since = None if self.request is None else monotonic()
        return taken

    def readable(self) -> bool:
        """Whether there is anything to wait for from the client."""
        return self.lingers_since is not None or bool(super().readable())

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
        """Close in the next turn of the loop, as a descriptor used anew in this one would get the old events."""
        self.will_close = True

    def head_is_late(self, now: float) -> bool:
        """Whether the head of a request should have come by now."""
        if self.owes_since is None or self.requests or (self.request and self.request.headers_finished):
            return False
        return now - self.owes_since > HEAD_SECONDS

    def body_is_late(self, now: float, upload_seconds: float) -> bool:
        """Whether a body takes too long, in all or by its rate."""
        if self.owes_since is None or self.requests or not (self.request and self.request.headers_finished):
            return False
        spent = now - self.owes_since
        allowed: float = min(upload_seconds, GRACE_SECONDS + self.request.body_bytes_received / LEAST_RATE)
        return spent > allowed

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

    def __init__(self, reception: Reception, *args: Any, **kwargs: Any) -> None:
        self._reception = reception
        self._checked = monotonic()
        super().__init__(*args, **kwargs)

    def new_parser(self, adj: Adjustments) -> Parser:
        """The parser of one request."""
        return Parser(adj, self._reception)

    def readable(self) -> bool:
        """Called in every turn of the loop: keep deadlines, by a clock that does not jump."""
        now = monotonic()
        if now - self._checked >= 1:
            self._checked = now
            self.keep_deadlines(now)
        return bool(super().readable())

    def keep_deadlines(self, now: float) -> None:
        """Hang up on heads that are late, answer bodies that are."""
        answers = ANSWERED_LATE
        for channel in self.active_channels.values():
            lingers = channel.lingers_since
            if channel.head_is_late(now) or (lingers is not None and now - lingers > LINGER_SECONDS):
                channel.hang_up()
            elif answers and channel.body_is_late(now, self._reception.upload_seconds):
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

    def make_room(self) -> None:
        """Hang up on some of those that have owed a request for longest."""
        owing = [one for one in self.active_channels.values() if not one.requests and not one.total_outbufs_len]
        for channel in sorted(owing, key=_claim)[:ACCEPTED_AT_ONCE]:
            channel.hang_up()


def _claim(channel: Channel) -> tuple[bool, float]:
    """Who goes first is the smallest: a head that does not come before a body that does, the old before the new."""
    receiving = channel.request is not None and channel.request.headers_finished
    return receiving, channel.owes_since or 0.0


def create_server(
    application: Callable[..., Any], reception: Reception, *, host: str, port: int, threads: int
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
        channel_timeout=IDLE_SECONDS,
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
        Server(reception, application, sockets, dispatcher=dispatcher, adj=adj, sockinfo=address)
        for address in adj.listen
    ]
    return servers[0]
