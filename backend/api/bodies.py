"""Bodies of requests as they come: in memory while small, then in files without names, never more than is accepted."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile

logger = logging.getLogger(__name__)

IN_MEMORY = 256 * 1024  # bytes of a body; the rest lies on disk


class Room:
    """The bytes that all bodies together may keep; they are taken by the loop, and given back by the threads too.

    A client may take all of it while nobody else needs it. Where it is short, those who keep the most give way.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._kept: dict[Body, int] = {}  # bytes of each, in the order in which they came
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Bytes that may still be taken."""
        return self._left

    def take(self, body: Body, size: int) -> bool:
        """Take so many bytes for a body, if there are as many, or others must give way to it."""
        while not self._take(body, size):
            other = self._first_to_give_way(body, size)
            if other is None:
                return False
            other.crowd_out()
        return True

    def _take(self, body: Body, size: int) -> bool:
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            self._kept[body] = self._kept.get(body, 0) + size
            return True

    def _first_to_give_way(self, body: Body, size: int) -> Body | None:
        """Of the client that keeps the most, and more than this body's would, the newest that is not received yet."""
        with self._lock:
            by_client: Counter[str] = Counter()
            for one, kept in self._kept.items():
                by_client[one.client] += kept
            own = by_client[body.client] + size
            unfinished = [one for one in reversed(self._kept) if one.unfinished and by_client[one.client] > own]
            return max(unfinished, key=lambda one: by_client[one.client], default=None)

    def give_back(self, body: Body) -> None:
        """Give back what was taken for a body."""
        with self._lock:
            self._left += self._kept.pop(body, 0)


@dataclass(frozen=True)
class Reception:
    """How bodies are received: where they lie, bytes kept of one and of all together, and connections at once."""

    folder: Path
    body_bytes: int
    room: Room
    connections: int


class Body:
    """A request's body in a file without a name; what is over the limit is counted and thrown away.

    So a sender of too much can be told so: it has been read to its end, and neither memory nor disk was used for it.
    Where there is no room for it beside the others, it is `crowded`: read to its end as well, and nothing of it kept.
    """

    def __init__(self, reception: Reception, client: str) -> None:
        self.client = client
        self.unfinished = True
        self.failed = False
        self.crowded = False
        self._left = reception.body_bytes
        self._size = 0
        self._room = reception.room
        self._file = SpooledTemporaryFile(IN_MEMORY, dir=str(reception.folder))  # noqa: SIM115  # closed with the request

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Take what has come."""
        self._size += len(data)
        kept = data[: self._left]
        self._left -= len(kept)
        if not kept or self.failed or self.crowded:
            return
        if self._room.take(self, len(kept)):
            self._try(lambda: self._file.write(kept))
        else:
            self.crowd_out()

    def crowd_out(self) -> None:
        """Keep nothing of it any more."""
        self.crowded = True
        self.close()

    def finish(self) -> bool:
        """Put the last of it on disk; whether all that was to be kept is there."""
        self.unfinished = False
        if not self.crowded:
            self._try(self._file.flush)
        return not (self.failed or self.crowded)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError:
            logger.exception("a body could not be written")
            self.failed = True

    def getfile(self) -> SpooledTemporaryFile[bytes]:
        """All of it, from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Delete it; a disk that is full when the rest is written cannot matter any more."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._room.give_back(self)
