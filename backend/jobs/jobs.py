"""Jobs as those see them who ask for them: taken in, told of, removed and purged, with all that lies in folders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from backend.errors import DetectorError, StorageFailed, Unanswered
from backend.jobs.job import Job, Leftovers, Order, QueueFigures
from backend.jobs.ledger import Ledger
from backend.store.frames import Frames
from backend.store.uploads import Upload, Uploads

logger = logging.getLogger(__name__)


class Jobs:
    """What the routes do with jobs.

    Args:
        ledger: what is known of them.
        uploads: where their files lie until they are judged.
        frames: where their frames lie.
        retention: seconds for which they are remembered after their end.
        wake: called when there is something to judge.
    """

    def __init__(
        self, ledger: Ledger, uploads: Uploads, frames: Frames, retention: float, wake: Callable[[Order], object]
    ) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._frames = frames
        self._retention = retention
        self._wake = wake

    def submit(self, order: Order) -> str:
        """Let files wait for their turn, see `Ledger.submit`; the id of their job."""
        kept: list[Upload] = []
        try:
            for upload in order.uploads:
                kept.append(self._uploads.keep(upload))
            identity, is_new = self._ledger.submit(replace(order, uploads=tuple(kept)))
        except Unanswered:  # if it was taken in, they are needed; if not, they are purged
            raise
        except DetectorError:
            self._delete_uploads(kept)
            raise
        if is_new:
            self._wake(order)
        else:
            self._delete_uploads(kept)
        return identity

    def find(self, identity: str) -> Job | None:
        """A job as it is now."""
        return self._ledger.find(identity)

    def remove(self, identity: str) -> int | None:
        """Cancel a job, or forget one that has ended, and delete its files; how many frames, None without such a job.

        Raises:
            StorageFailed: one cannot be deleted.
        """
        leftovers = self._ledger.remove(identity)
        return None if leftovers is None else self._delete(leftovers)

    def purge(self) -> None:
        """Forget jobs whose time is over, and delete what is left of them."""
        try:
            for leftovers in self._ledger.purge(self._retention):
                self._delete(leftovers)
        except StorageFailed:
            logger.exception("purge of jobs failed")

    def figures(self) -> Mapping[str, QueueFigures]:
        """Each queue by its name."""
        return self._ledger.figures()

    def _delete(self, leftovers: Leftovers) -> int:
        for path in leftovers.uploads:
            self._uploads.delete(path)
        self._frames.delete(leftovers.possible_frames)
        return self._frames.delete(leftovers.frames)

    def _delete_uploads(self, uploads: Iterable[Upload]) -> None:
        for upload in uploads:
            self._uploads.delete(upload.path)
