"""Bodies of requests as they come: in memory while small, then in files without names, never more than is accepted."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile

logger = logging.getLogger(__name__)

IN_MEMORY = 256 * 1024  # bytes of a body; the rest lies on disk


@dataclass(frozen=True)
class Reception:
    """How bodies are received: where they lie, bytes kept of one, seconds it may take, and connections at once."""

    folder: Path
    body_bytes: int
    upload_seconds: float
    connections: int


class Body:
    """A request's body in a file without a name; what is over the limit is counted and thrown away.

    So a sender of too much can be told so: it has been read to its end, and neither memory nor disk was used for it.
    """

    def __init__(self, reception: Reception) -> None:
        self._left = reception.body_bytes
        self._size = 0
        self._file = SpooledTemporaryFile(IN_MEMORY, dir=str(reception.folder))  # noqa: SIM115  # closed with the request
        self.failed = False

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Take what has come."""
        self._size += len(data)
        kept = data[: self._left]
        self._left -= len(kept)
        if kept and not self.failed:
            self._try(lambda: self._file.write(kept))

    def is_kept(self) -> bool:
        """Put the last of it on disk; whether all that was to be kept is there."""
        self._try(self._file.flush)
        return not self.failed

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
