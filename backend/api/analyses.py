"""The analyses that clients may ask about by their ids: those that run, and for a while those that have ended."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from backend.errors import DetectorError, IdTaken, StorageFailed
from backend.progress import Progress
from backend.store.frames import Frames

MOST_ENDED = 4096  # ended analyses that are remembered: a few kilobytes each, of the names of their frames


@dataclass
class _Entry:
    """An analysis, and until when (monotonic, seconds) it is remembered."""

    progress: Progress
    until: float = math.inf


class Analyses:
    """Ids and what is known of them, in memory alone.

    An ended analysis is remembered for `retention` seconds, as long as its frames are kept; if there are too many, the
    oldest of those that have no frames goes first.
    """

    def __init__(self, frames: Frames, retention: float) -> None:
        self._frames = frames
        self._retention = retention
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    @contextmanager
    def follow(self, identity: str) -> Iterator[Progress]:
        """The progress of a new analysis, which is done when the block ends; if it fails, no file of it is left.

        What failed because the service is busy is not remembered, so that a client may try again with the same id.

        Raises:
            IdTaken: there is such an analysis already.
            Cancelled: it was cancelled before the block ended.
        """
        entry = self._add(identity)
        progress = entry.progress
        try:
            yield progress
            progress.enter("done")
        except Exception as error:
            progress.fail()
            with contextlib.suppress(StorageFailed):  # then the purge deletes them
                self._delete_files(progress)
            if isinstance(error, DetectorError) and error.retry_after:
                with self._lock:
                    del self._entries[identity]
            raise
        finally:
            entry.until = monotonic() + self._retention

    def find(self, identity: str) -> Progress | None:
        """The progress of an analysis that is remembered."""
        with self._lock:
            entry = self._entries.get(identity)
        return entry.progress if entry and entry.until > monotonic() else None

    def delete(self, progress: Progress) -> int:
        """Cancel an analysis that runs, delete the files of one that is done; how many files there were.

        Raises:
            StorageFailed: one cannot be deleted.
        """
        progress.cancel()
        return self._delete_files(progress) if progress.state == "done" else 0

    def _add(self, identity: str) -> _Entry:
        with self._lock:
            self._forget()
            if identity in self._entries:
                raise IdTaken("There is an analysis with that id already; choose another.")
            entry = self._entries[identity] = _Entry(Progress())
        return entry

    def _forget(self) -> None:
        now = monotonic()
        for identity in [identity for identity, entry in self._entries.items() if entry.until <= now]:
            del self._entries[identity]
        ended = [identity for identity, entry in self._entries.items() if entry.until < math.inf]
        if len(ended) >= MOST_ENDED:
            del self._entries[min(ended, key=lambda identity: len(self._entries[identity].progress.files) > 0)]

    def _delete_files(self, progress: Progress) -> int:
        deleted = self._frames.delete(progress.files)
        progress.files, progress.expires_at = (), None
        return deleted
