"""The job function: a file that was claimed is judged, and what came of it is noted, whoever runs it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from backend.errors import Cancelled, DetectorError, StorageFailed
from backend.jobs.job import MOST_FRAMES, Outcome, Task
from backend.jobs.ledger import Ledger
from backend.progress import Progress, State
from backend.store.frames import Frames
from backend.store.uploads import Uploads

logger = logging.getLogger(__name__)

# Raises Cancelled, or a failure after which the same may succeed.
JudgeTask = Callable[[Task, Uploads, Progress], Outcome]


class ReportedProgress(Progress):
    """Progress that is told to a ledger at every step, and cancelled where the ledger does not want it any more."""

    def __init__(self, report: Callable[[Progress], bool]) -> None:
        super().__init__()
        self._report = report

    def enter(self, state: State) -> None:
        """Go on to the next state; see `Progress.enter`."""
        super().enter(state)
        self.tell()

    def count_instant(self) -> None:
        """One more instant was examined."""
        super().count_instant()
        self.tell()

    def tell(self) -> None:
        """Tell the ledger how far it is; where that cannot be, the work goes on: its end may be told again."""
        try:
            is_wanted = self._report(self)
        except StorageFailed:
            logger.warning("the ledger cannot be told how far a file is")
            return
        if not is_wanted:
            self.cancel()


class Carrier:
    """Carries out what was claimed from a ledger."""

    def __init__(self, ledger: Ledger, uploads: Uploads, frames: Frames, judge: JudgeTask) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._frames = frames
        self._judge = judge

    def follow(self, task: Task) -> ReportedProgress:
        """The progress of a file: told at every step, and cancelled when its job is."""
        return ReportedProgress(partial(self._ledger.report, task))

    def carry_out(self, task: Task, progress: Progress) -> int:
        """Judge a file, and note what came of it; seconds to rest before the next.

        Where it was cancelled, that was by its client, and nothing is left to do, or by the end of this process: then
        it waits for another.
        """
        try:
            outcome = self._judge(task, self._uploads, progress)
            wanted = self._ledger.finish(task, outcome)
        except Cancelled:
            self._give_back(task, progress, counted=False)
            return 0
        except DetectorError as error:
            logger.warning("a file of a job must wait", extra={"request_id": task.request_id, "error_code": error.code})
            self._give_back(task, progress, counted=True)
            return error.retry_after or 0
        if wanted:
            self._uploads.delete(task.upload.path)
            made = progress.files if task.attempt == 1 else islice(task.frame_names, MOST_FRAMES)
            self._delete_frames(set(made) - set(outcome.frames))
        else:
            self._clear(task, progress)
        return 0

    def _give_back(self, task: Task, progress: Progress, *, counted: bool) -> None:
        """Let a file wait again; its frames are left to be written over by the next attempt."""
        if not self._ledger.release(task, counted=counted):
            self._clear(task, progress)

    def _clear(self, task: Task, progress: Progress) -> None:
        """Delete the frames of a file that nobody wants; where there is another attempt at it, they are its own."""
        job = self._ledger.find(task.job)
        if job is None or job.state == "cancelled":
            self._delete_frames(progress.files)

    def _delete_frames(self, names: Iterable[str]) -> None:
        with contextlib.suppress(StorageFailed):  # then the purge deletes them
            self._frames.delete(names)
