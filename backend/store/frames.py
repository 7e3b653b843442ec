"""Annotated frames: unguessable names, written whole or not at all, in a folder unless they are in a shared store."""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from backend.errors import StorageFailed

FRAME_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
PARTIAL_SUFFIX = ".part"


@dataclass(frozen=True)
class StoredFrame:
    """A frame's JPEG, and when it was written, in seconds since the epoch."""

    jpeg: Path | BytesIO
    written: float

    def seconds_left(self, retention: float) -> int:
        """Whole seconds for which it may still be shown; 0 if its time is over."""
        return max(0, int(self.written + retention - time.time()))


class Frames(Protocol):
    """Where frames lie until they are purged."""

    def store(self, name: str, jpeg: bytes) -> None:
        """Write a frame so that it is never seen half-written.

        Raises:
            StorageFailed: it cannot be written.
        """

    def find(self, name: str) -> StoredFrame | None:
        """The frame of a name, if there is one.

        Raises:
            StorageFailed: it cannot be known.
        """

    def delete(self, names: Iterable[str]) -> int:
        """Delete frames at once; how many of them there were.

        Raises:
            StorageFailed: one cannot be deleted.
        """


def random_names() -> Iterator[str]:
    """Names of 128 random bits, in which nothing of the upload's name is left."""
    while True:
        yield f"{secrets.token_hex(16)}.jpg"


def derived_names(secret: str, place: int) -> Iterator[str]:
    """Names for the frames of a file of a job, the same for every attempt at it; only who knows its id can guess one.

    So what a killed attempt left is overwritten by the next, and found without being told of.
    """
    number = 0
    while True:
        digest = hmac.digest(secret.encode(), f"{place}/{number}".encode(), "sha256")
        yield f"{digest[:16].hex()}.jpg"
        number += 1


class FrameFolder:
    """Frames in a folder of this machine, or of several that share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self, name: str, jpeg: bytes) -> None:
        """See `Frames.store`."""
        partial = self._folder / (name + PARTIAL_SUFFIX)
        try:
            partial.write_bytes(jpeg)
            partial.replace(self._folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise StorageFailed from error

    def find(self, name: str) -> StoredFrame | None:
        """See `Frames.find`."""
        path = self._folder.resolve() / name
        try:
            status = path.lstat() if FRAME_NAME.fullmatch(name) else None
        except OSError:
            return None
        if status is None or not stat.S_ISREG(status.st_mode):  # a link could lead anywhere
            return None
        return StoredFrame(path, status.st_mtime)

    def delete(self, names: Iterable[str]) -> int:
        """See `Frames.delete`."""
        deleted = 0
        for name in names:
            try:
                (self._folder / name).unlink()
                deleted += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageFailed from error
        return deleted
