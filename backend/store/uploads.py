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
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from backend.errors import StorageFailed

PREFIX = "upload-"
FOLDER_NAME = re.compile(PREFIX + "[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """A received file: where it lies, its size in bytes and its SHA-256 in hexadecimal."""

    path: Path
    size: int
    sha256: str


def new_folder(parent: Path) -> Path:
    """A new folder with a name of 128 random bits, closed to other users."""
    folder = parent / f"{PREFIX}{secrets.token_hex(16)}"
    folder.mkdir(0o700)
    return folder


class PrivateFolder:
    """A new folder for the files of one request.

    It is locked as long as this process lives and keeps it open: so a purge knows whether anyone still needs it,
    however old it is by a clock that may have jumped.
    """

    def __init__(self, parent: Path) -> None:
        self._path = new_folder(parent)
        self._opened = os.open(self._path, os.O_RDONLY)
        fcntl.flock(self._opened, fcntl.LOCK_SH)
        self._files = contextlib.ExitStack()

    def open_file(self) -> IO[bytes]:
        """A new file in it."""
        return self._files.enter_context(tempfile.NamedTemporaryFile(dir=self._path, delete=False))

    def close(self) -> None:
        """Delete it with all that is in it; what cannot be deleted is left to the purge."""
        shutil.rmtree(self._path, ignore_errors=True)
        with contextlib.suppress(OSError):  # a disk that is full when the rest is written cannot matter any more
            self._files.close()
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


class Uploads(Protocol):
    """Where uploads lie that are judged after the request which brought them."""

    def keep(self, upload: Upload) -> Upload:
        """Put what a request received where whoever judges it finds it, and where it does not end with the request.

        Raises:
            StorageFailed: there is no room for it.
        """

    def fetch(self, upload: Upload) -> AbstractContextManager[Upload]:
        """A file on this machine for as long as it is judged.

        Raises:
            StorageFailed: it cannot be had.
        """

    def delete(self, path: Path) -> None:
        """Delete one; what cannot be deleted is left to the purge."""


class UploadFolder:
    """Uploads in the folder in which they were received, of this machine or shared by several."""

    def keep(self, upload: Upload) -> Upload:
        """See `Uploads.keep`; it is moved from its request's private folder to one of its own."""
        try:
            kept = new_folder(upload.path.parent.parent) / upload.path.name
            return replace(upload, path=upload.path.rename(kept))
        except OSError as error:
            raise StorageFailed from error

    @contextlib.contextmanager
    def fetch(self, upload: Upload) -> Iterator[Upload]:
        """See `Uploads.fetch`; its retention begins anew, so that it is not purged while it is judged."""
        with contextlib.suppress(OSError):  # who may read it may perhaps not do that
            os.utime(upload.path.parent)
        if not upload.path.exists():  # its job was cancelled just now, or the folder is not one that machines share
            raise StorageFailed
        yield upload

    def delete(self, path: Path) -> None:
        """See `Uploads.delete`; its folder goes with it."""
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()


def finish_upload(file: IO[bytes]) -> Upload:
    """Put everything received on disk and tell what it is."""
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return Upload(Path(file.name), file.seek(0, 2), digest)
