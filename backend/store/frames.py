"""Annotated frames on disk: unguessable names, written whole or not at all."""

from __future__ import annotations

import contextlib
import re
import secrets
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from backend.errors import StorageFailed

FRAME_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
PARTIAL_SUFFIX = ".part"


def new_frame_name() -> str:
    """A name of 128 random bits, in which nothing of the upload's name is left."""
    return f"{secrets.token_hex(16)}.jpg"


def store_frame(folder: Path, name: str, jpeg: bytes) -> None:
    """Write a frame so that it is never seen half-written.

    Raises:
        StorageFailed: it cannot be written.
    """
    partial = folder / (name + PARTIAL_SUFFIX)
    try:
        partial.write_bytes(jpeg)
        partial.replace(folder / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise StorageFailed from error


def delete_frames(folder: Path, names: Iterable[str]) -> int:
    """Delete frames at once; how many there were.

    Raises:
        StorageFailed: one cannot be deleted.
    """
    deleted = 0
    for name in names:
        try:
            (folder / name).unlink()
            deleted += 1
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageFailed from error
    return deleted


def seconds_left(folder: Path, name: str, retention: float) -> int:
    """Whole seconds for which a frame may still be shown; 0 if there is none of that name, or its time is over."""
    if not FRAME_NAME.fullmatch(name):
        return 0
    try:
        status = (folder / name).lstat()
    except OSError:
        return 0
    if not stat.S_ISREG(status.st_mode):  # a link could lead anywhere
        return 0
    return max(0, int(status.st_mtime + retention - time.time()))
