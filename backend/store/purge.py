"""What is older than the retention is deleted, at start and every few minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler

logger = logging.getLogger(__name__)

KEPT = ".gitkeep"


def purge(folders: Sequence[Path], retention: float) -> int:
    """Delete files last written more than `retention` seconds ago; the number of those deleted.

    A frame being written is younger than that, so it is safe; a file that vanishes meanwhile is no fault.
    """
    deleted = 0
    oldest = time.time() - retention
    for folder in folders:
        for path in folder.iterdir():
            try:
                if path.name != KEPT and path.is_file() and path.lstat().st_mtime < oldest:
                    path.unlink()
                    deleted += 1
            except FileNotFoundError:
                continue
            except OSError:
                logger.exception("purge could not delete a file")
    if deleted:
        logger.info("purged", extra={"deleted": deleted})
    return deleted


def schedule_purge(folders: Sequence[Path], retention: float, interval: float) -> BackgroundScheduler:
    """Start to purge now and every `interval` seconds, never twice at once; the caller shuts it down."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        purge,
        "interval",
        args=[folders, retention],
        seconds=interval,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    return scheduler
