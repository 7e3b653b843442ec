"""Uploads on disk: those of a request in a folder of its own, gone when it ends."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PREFIX = "upload-"
FOLDER_NAME = re.compile(PREFIX + "[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """A received file: where it lies, its size in bytes and its SHA-256 in hexadecimal."""

    path: Path
    size: int
    sha256: str


class PrivateFolder:
    """A new folder for the files of one request, with a name of 128 random bits and closed to other users.

    It is locked as long as this process lives and keeps it open: so a purge knows whether anyone still needs it,
    however old it is by a clock that may have jumped.
    """

    def __init__(self, parent: Path) -> None:
        self._path = parent / f"{PREFIX}{secrets.token_hex(16)}"
        self._path.mkdir(0o700)
        self._opened = os.open(self._path, os.O_RDONLY)
        fcntl.flock(self._opened, fcntl.LOCK_SH)
        self._files = contextlib.ExitStack()

    def open_file(self) -> IO[bytes]:
        """A new file in it."""
        return self._files.enter_context(tempfile.NamedTemporaryFile(dir=self._path, delete=False))

    def close(self) -> None:
        """Delete it with all that is in it; what cannot be deleted is left to the purge."""
        with contextlib.suppress(OSError):  # a disk that is full when the rest is written cannot matter any more
            self._files.close()
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._opened)


def is_needed(folder: Path) -> bool:
    """Whether a request of any process still works in a private folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def finish_upload(file: IO[bytes]) -> Upload:
    """Put everything received on disk and tell what it is."""
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return Upload(Path(file.name), file.seek(0, 2), digest)
