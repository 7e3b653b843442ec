"""What is older than the retention is deleted, at start and every few minutes, by one of the processes on a folder."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from backend import metrics
from backend.store.uploads import FOLDER_NAME, is_needed

logger = logging.getLogger(__name__)

KEPT = ".gitkeep"
LOCK_NAME = ".purge.lock"
CLOCK_TOLERANCE = 2  # seconds by which a file system's clock may be ahead of ours


class Purger:
    """Purges those folders for which no other process does; takes over when that one ends."""

    def __init__(self, folders: Sequence[Path], retention: float) -> None:
        self._folders = folders
        self._retention = retention
        self._locks: dict[Path, IO[bytes]] = {}

    def run(self) -> None:
        """Purge every folder that is ours."""
        for folder in self._folders:
            try:
                if self._is_ours(folder):
                    purge(folder, self._retention)
            except OSError:
                logger.exception("purge failed")

    def _is_ours(self, folder: Path) -> bool:
        if folder not in self._locks:
            (folder / LOCK_NAME).touch()
            lock = (folder / LOCK_NAME).open("rb")  # a file system with a file open for writing cannot become read-only
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._locks[folder] = lock
        return True

    def close(self) -> None:
        """Leave the folders to others."""
        for lock in self._locks.values():
            lock.close()
        self._locks.clear()


def purge(folder: Path, retention: float) -> int:
    """Delete files, and private folders, last written more than `retention` seconds ago; the number of those deleted.

    A frame being written is younger than that, so it is safe; a file that vanishes meanwhile is no fault. A file from
    the future was written before the clock was set back: its time begins now.
    """
    deleted = 0
    now = time.time()
    for path in folder.iterdir():
        if path.name in (KEPT, LOCK_NAME) or not (path.is_file() or FOLDER_NAME.fullmatch(path.name)):
            continue
        try:
            written = path.lstat().st_mtime
            if written > now + CLOCK_TOLERANCE:
                os.utime(path, (now, now), follow_symlinks=False)
            elif written < now - retention:
                deleted += _delete(path)
        except FileNotFoundError:
            continue
        except OSError:
            logger.exception("purge could not delete a file")
    if deleted:
        metrics.PURGED_FILES.inc(deleted)
        logger.info("purged", extra={"deleted": deleted})
    return deleted


def _delete(path: Path) -> bool:
    """Delete a file, or a private folder that nobody needs; whether it was."""
    if path.is_file():
        path.unlink()
    elif is_needed(path):
        return False
    else:
        shutil.rmtree(path)
    return True


class SteadyJobStore(MemoryJobStore):
    """Jobs at intervals, also when the clock is set: then the time that was planned for one is too far off, either way.

    Else they would rest until a clock that was set back is again where it was.
    """

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Those whose time has come; the scheduler asks after the interval that began before a jump, if not sooner."""
        for job in self.get_all_jobs():
            if abs(job.next_run_time - now) > job.trigger.interval:
                job.modify(next_run_time=now)
        due: list[Job] = super().get_due_jobs(now)
        return due


def schedule_purge(purger: Purger, interval: float) -> BackgroundScheduler:
    """Start to purge now and every `interval` seconds, never twice at once; the caller shuts it down."""
    scheduler = BackgroundScheduler(jobstores={"default": SteadyJobStore()}, timezone=UTC)
    scheduler.add_job(
        purger.run,
        "interval",
        seconds=interval,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return scheduler
