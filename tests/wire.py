"""HTTP by hand, for what no well-behaved client would send."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any
from urllib.parse import urlsplit

from backend.api.headers import SECURITY_HEADERS

BOUNDARY = "frontier"
PART_HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'.encode()
PART_TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PIECE = 1024 * 1024  # bytes sent at a time


@dataclass(frozen=True)
class Answer:
    """A parsed answer; headers with lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_armoured(self, own: Collection[str] = ()) -> bool:
        """Whether it has every security header, with the service's value or, where they are named, one of its own."""
        return all(
            self.headers.get(name.lower()) == value or (name in own and name.lower() in self.headers)
            for name, value in SECURITY_HEADERS.items()
        )


@contextlib.contextmanager
def connection(url: str, timeout: float = 60, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection to the service, from one of this machine's own addresses."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout, (source, 0)) as sock:
        yield sock


def head(method: str, path: str, url: str, /, **headers: str) -> bytes:
    """A request's head; underscores in names of headers stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in {"Host": urlsplit(url).netloc, **headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def send(sock: socket.socket, pieces: Iterable[bytes]) -> None:
    """Send as much as the service takes."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for piece in pieces:
            sock.sendall(piece)


def has_something_to_read(sock: socket.socket) -> bool:
    """Whether an answer has begun to come."""
    return bool(select.select([sock], [], [], 0)[0])


def read_answer(sock: socket.socket) -> Answer:
    """Read one answer whole, of those that come one by one."""
    with sock.makefile("rb") as stream:
        return read_from(stream)


def read_from(stream: IO[bytes]) -> Answer:
    """Read one answer whole."""
    status = stream.readline().split()
    assert len(status) > 1, "the connection was closed without an answer"
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Answer(int(status[1]), headers, stream.read(int(headers["content-length"])))


def ask(url: str, request: bytes, pieces: Iterable[bytes] = ()) -> Answer:
    """Send a request and read its answer."""
    with connection(url) as sock:
        send(sock, chain([request], pieces))
        return read_answer(sock)


def form_pieces(size: int) -> Iterator[bytes]:
    """A form with one file of `size` bytes that look like the beginning of an mp4."""
    signature = b"\x00\x00\x00\x18ftypisom"
    yield PART_HEAD + signature
    left = size - len(signature)
    while left > 0:
        yield bytes(min(left, PIECE))
        left -= PIECE
    yield PART_TAIL


def form_length(size: int) -> int:
    """Bytes of such a form."""
    return len(PART_HEAD) + size + len(PART_TAIL)


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same in chunked transfer encoding."""
    for piece in pieces:
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"
