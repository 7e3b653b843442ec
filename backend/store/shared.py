"""Uploads and frames in a store that several machines share, whatever fsspec knows by a URL: a folder, S3, and more."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import compress
from pathlib import Path

import fsspec
from fsspec.utils import get_protocol

from backend import metrics
from backend.errors import StorageFailed
from backend.store.frames import FRAME_NAME, StoredFrame
from backend.store.uploads import PrivateFolder, Upload

logger = logging.getLogger(__name__)

UPLOADS = "uploads"
FRAMES = "frames"
OPTIONS = {
    "file": {"auto_mkdir": True},
    "s3": {"use_listings_cache": False},  # others write there too: what it held a moment ago says nothing
}
CREDENTIALS = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
DAY = 24 * 3600
ASKED_AT_ONCE = 32


class SharedStore:
    """A place for objects; those older than the retention are deleted by whoever purges, or else by the store itself.

    Args:
        url: of the place.
        folder: of this machine, where uploads lie while they are judged.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._files, self._root = fsspec.url_to_fs(url, **OPTIONS.get(get_protocol(url), {}))
        self.uploads = SharedUploads(self, folder)
        self.frames = SharedFrames(self)

    def write(self, path: str, content: bytes) -> None:
        """Write an object whole."""
        with _told():
            self._files.pipe_file(f"{self._root}/{path}", content)

    def read(self, path: str) -> StoredFrame | None:
        """An object, if there is one."""
        full = f"{self._root}/{path}"
        with _told():
            try:
                return StoredFrame(BytesIO(self._files.cat_file(full)), self._files.modified(full).timestamp())
            except FileNotFoundError:
                return None

    def upload(self, source: Path, path: str) -> None:
        """Write a file of this machine."""
        with _told():
            self._files.put_file(str(source), f"{self._root}/{path}")

    def download(self, path: str, target: Path) -> None:
        """Read into a file of this machine."""
        with _told():
            self._files.get_file(f"{self._root}/{path}", str(target))

    def delete(self, paths: Iterable[str]) -> int:
        """Delete objects; how many of them there were."""
        every = [f"{self._root}/{path}" for path in paths]
        with _told(), ThreadPoolExecutor(ASKED_AT_ONCE) as asking:
            there = list(compress(every, asking.map(self._files.exists, every)))
            if there:
                self._files.rm(there)
        return len(there)

    def purge(self, retention: float) -> int:
        """Delete all that was written more than `retention` seconds ago; how many there were."""
        try:
            with _told():
                before = time.time() - retention
                over = [path for path, written in self._all() if written < before]
                if over:
                    self._files.rm(over)
        except StorageFailed:
            logger.exception("purge of the shared store failed")
            return 0
        metrics.PURGED_FILES.inc(len(over))
        return len(over)

    def expire(self, retention: float) -> None:
        """Let a store that can do so delete by itself what nobody has purged; rules that it has are left alone.

        S3 counts in days, which is why this is not all.
        """
        if not hasattr(self._files, "call_s3"):
            return
        bucket, _, prefix = self._root.partition("/")
        with contextlib.suppress(Exception):  # there are no rules yet
            self._files.call_s3("get_bucket_lifecycle_configuration", Bucket=bucket)
            return
        rule = {
            "ID": "retention",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": -int(-retention // DAY)},
        }
        try:
            self._files.call_s3(
                "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
            )
        except Exception as error:  # whatever a store says to that
            logger.warning("the shared store lets nothing expire by itself", extra={"reason": str(error)})

    def _all(self) -> Iterator[tuple[str, float]]:
        for kind in (UPLOADS, FRAMES):
            for path, facts in self._files.find(f"{self._root}/{kind}", detail=True).items():
                written = facts.get("LastModified", facts.get("mtime"))
                yield path, written if isinstance(written, float) else written.timestamp()


class SharedUploads:
    """Uploads in a shared store; a file is copied to the machine that judges it."""

    def __init__(self, store: SharedStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def keep(self, upload: Upload) -> Upload:
        """See `Uploads.keep`."""
        path = f"{UPLOADS}/{secrets.token_hex(16)}"
        self._store.upload(upload.path, path)
        return Upload(Path(path), upload.size, upload.sha256)

    @contextlib.contextmanager
    def fetch(self, upload: Upload) -> Iterator[Upload]:
        """See `Uploads.fetch`."""
        with _told():
            private = PrivateFolder(self._folder)
        try:
            with _told(), private.open_file() as file:
                copy = Upload(Path(file.name), upload.size, upload.sha256)
            self._store.download(str(upload.path), copy.path)
            yield copy
        finally:
            private.close()

    def delete(self, path: Path) -> None:
        """See `Uploads.delete`."""
        with contextlib.suppress(StorageFailed):
            self._store.delete([str(path)])


class SharedFrames:
    """Frames in a shared store."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    def store(self, name: str, jpeg: bytes) -> None:
        """See `Frames.store`."""
        self._store.write(f"{FRAMES}/{name}", jpeg)

    def find(self, name: str) -> StoredFrame | None:
        """See `Frames.find`."""
        return self._store.read(f"{FRAMES}/{name}") if FRAME_NAME.fullmatch(name) else None

    def delete(self, names: Iterable[str]) -> int:
        """See `Frames.delete`."""
        return self._store.delete(f"{FRAMES}/{name}" for name in names)


def hide_credentials() -> None:
    """Take those of S3 out of the environment: what workers do not inherit, no file can make them tell."""
    given = {name: value for name, variable in CREDENTIALS.items() if (value := os.environ.pop(variable, None))}
    if given:
        fsspec.config.conf.setdefault("s3", {}).update(given)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each kind of store has errors of its own
        raise StorageFailed from error
