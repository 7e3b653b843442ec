"""Jobs as those see them who ask for them: taken in, told of, removed and purged, with all that lies in folders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from backend.errors import StorageFailed
from backend.jobs.job import Job, Leftovers, Order
from backend.jobs.sqlite_ledger import SqliteLedger
from backend.store.frames import delete_frames
from backend.store.uploads import delete_upload

logger = logging.getLogger(__name__)


class Jobs:
    """What the routes do with jobs.

    Args:
        ledger: what is known of them.
        frame_folder: where their frames lie.
        retention: seconds for which they are remembered after their end.
        wake: called when there is something to judge.
    """

    def __init__(self, ledger: SqliteLedger, frame_folder: Path, retention: float, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._frame_folder = frame_folder
        self._retention = retention
        self._wake = wake

    def submit(self, order: Order) -> tuple[str, bool]:
        """Let files wait for their turn, see `SqliteLedger.submit`."""
        submitted = self._ledger.submit(order)
        self._wake()
        return submitted

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

    def _delete(self, leftovers: Leftovers) -> int:
        for path in leftovers.uploads:
            delete_upload(path)
        return delete_frames(self._frame_folder, leftovers.frames)
