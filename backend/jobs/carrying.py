"""The job function: a file that was claimed is judged, and what came of it is noted, whoever runs it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from backend.errors import Cancelled, DetectorError, StorageFailed
from backend.jobs.job import Outcome, Task
from backend.jobs.sqlite_ledger import SqliteLedger
from backend.progress import Progress, State
from backend.store.frames import delete_frames
from backend.store.uploads import delete_upload, use_upload

logger = logging.getLogger(__name__)

# Raises Cancelled, or a failure after which the same may succeed.
JudgeTask = Callable[[Task, Progress], Outcome]


class ReportedProgress(Progress):
    """Progress that is told to a ledger at every step, and cancelled where the ledger does not want it any more."""

    def __init__(self, report: Callable[[Progress], bool]) -> None:
        super().__init__()
        self._report = report

    def enter(self, state: State) -> None:
        """Go on to the next state; see `Progress.enter`."""
        super().enter(state)
        self._tell()

    def count_instant(self) -> None:
        """One more instant was examined."""
        super().count_instant()
        self._tell()

    def _tell(self) -> None:
        if not self._report(self):
            self.cancel()


class Carrier:
    """Carries out what was claimed from a ledger."""

    def __init__(self, ledger: SqliteLedger, frame_folder: Path, judge: JudgeTask) -> None:
        self._ledger = ledger
        self._frame_folder = frame_folder
        self._judge = judge

    def follow(self, task: Task) -> Progress:
        """The progress of a file: told at every step, and cancelled when its job is."""
        return ReportedProgress(partial(self._ledger.report, task))

    def carry_out(self, task: Task, progress: Progress) -> int:
        """Judge a file, and note what came of it; seconds to rest before the next.

        Where it was cancelled, that was by its client, and nothing is left to do, or by the end of this process: then
        it waits for another.
        """
        use_upload(task.upload)
        try:
            outcome = self._judge(task, progress)
            wanted = self._ledger.finish(task, outcome)
        except Cancelled:
            self._give_back(task, progress, counted=False)
            return 0
        except DetectorError as error:
            logger.warning("a file of a job must wait", extra={"request_id": task.request_id, "error_code": error.code})
            self._give_back(task, progress, counted=True)
            return error.retry_after or 0
        if wanted:
            delete_upload(task.upload.path)
        self._delete_frames(set(progress.files) - set(outcome.frames if wanted else ()))
        return 0

    def _give_back(self, task: Task, progress: Progress, *, counted: bool) -> None:
        self._ledger.release(task, counted=counted)
        self._delete_frames(progress.files)

    def _delete_frames(self, names: Iterable[str]) -> None:
        with contextlib.suppress(StorageFailed):  # then the purge deletes them
            delete_frames(self._frame_folder, names)
