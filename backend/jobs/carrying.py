"""The job function: a file that was claimed is judged, and what came of it is noted, whoever runs it."""

from __future__ import annotations

import contextlib
import logging
import time
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

REST_SECONDS = 10.0  # in which steps are not told after a report that failed: that may have been waited for long enough

# Raises Cancelled, or a failure after which the same may succeed.
JudgeTask = Callable[[Task, Uploads, Progress], Outcome]


class ReportedProgress(Progress):
    """Progress that is told to a ledger, and cancelled where the ledger does not want it any more.

    Args:
        report: tells the ledger, and says whether the file is still wanted.
        pause: seconds from its beginning, and from each report, in which steps are not told.
    """

    def __init__(self, report: Callable[[Progress], bool], pause: float) -> None:
        super().__init__()
        self._report = report
        self._pause = pause
        self._told = time.monotonic()

    def enter(self, state: State) -> None:
        """Go on to the next state; see `Progress.enter`."""
        super().enter(state)
        self._tell_of_step()

    def count_instant(self) -> None:
        """One more instant was examined."""
        super().count_instant()
        self._tell_of_step()

    def _tell_of_step(self) -> None:
        if time.monotonic() - self._told >= self._pause:
            self.tell()

    def tell(self) -> None:
        """Tell the ledger how far it is; where that cannot be, the work goes on: its end may be told again."""
        self._told = time.monotonic()
        try:
            is_wanted = self._report(self)
        except StorageFailed:
            logger.warning("the ledger cannot be told how far a file is")
            self._told = time.monotonic() + REST_SECONDS
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
        """The progress of a file: told as often as the ledger likes, and cancelled when its job is."""
        return ReportedProgress(partial(self._ledger.report, task), self._ledger.report_pause)

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
            if not self._give_back(task, progress, counted=True):
                return 0
            logger.warning("a file of a job must wait", extra={"request_id": task.request_id, "error_code": error.code})
            return error.retry_after or 0
        if wanted:
            self._uploads.delete(task.upload.path)
            made = progress.files if task.attempt == 1 else islice(task.frame_names, MOST_FRAMES)
            self._delete_frames(set(made) - set(outcome.frames))
        else:
            self._clear(task, progress)
        return 0

    def _give_back(self, task: Task, progress: Progress, *, counted: bool) -> bool:
        """Let a file wait again, if it is still wanted; its frames are left to be written over by the next attempt."""
        is_wanted = self._ledger.release(task, counted=counted)
        if not is_wanted:
            self._clear(task, progress)
        return is_wanted

    def _clear(self, task: Task, progress: Progress) -> None:
        """Delete the frames of a file that nobody wants; where there is another attempt at it, they are its own."""
        job = self._ledger.find(task.job)
        if job is None or job.state == "cancelled":
            self._delete_frames(progress.files)

    def _delete_frames(self, names: Iterable[str]) -> None:
        with contextlib.suppress(StorageFailed):  # then the purge deletes them
            self._frames.delete(names)
