"""Uploads on disk: each in a file of its own, gone when its request ends."""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PREFIX = "upload-"


@dataclass(frozen=True)
class Upload:
    """A received file: where it lies, its size in bytes and its SHA-256 in hexadecimal."""

    path: Path
    size: int
    sha256: str


def open_upload(folder: Path) -> IO[bytes]:
    """A new file for an upload to be written to; it is deleted when it is closed.

    It is locked as long as this process lives and keeps it open: so a purge knows whether anyone still needs it,
    however old it is by a clock that may have jumped.
    """
    file = tempfile.NamedTemporaryFile(prefix=PREFIX, dir=folder)  # noqa: SIM115  # closed with its request
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def is_needed(path: Path) -> bool:
    """Whether a request of any process still works on this file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def finish_upload(file: IO[bytes]) -> Upload:
    """Put everything received on disk and tell what it is."""
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return Upload(Path(file.name), file.seek(0, 2), digest)
