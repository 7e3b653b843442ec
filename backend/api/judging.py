"""What is done with a file that was received, whether a request waits for the answer or a job keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from backend import metrics
from backend.api.answer import success_answer
from backend.api.contract import Success
from backend.api.errors import failure_of
from backend.assembly import how_closely
from backend.config import Settings
from backend.domain import Analysis, PublishedFrame
from backend.errors import Cancelled, DetectorError, Interrupted
from backend.examination import Examination, Stopwatch, Workers
from backend.jobs.job import ATTEMPTS, Outcome, Task
from backend.model.holder import LoadedModel, ModelHolder
from backend.model.manifest import Manifest
from backend.pipeline import Examiner, analyse, publish
from backend.progress import Progress
from backend.store.frames import Frames
from backend.store.uploads import Upload, Uploads


@dataclass(frozen=True, eq=False)
class Judged:
    """A file that was judged, with all that its answer tells besides; `published` is None where nothing was stored."""

    analysis: Analysis
    published: Sequence[PublishedFrame] | None
    manifest: Manifest
    examination: Examination
    expires_at: datetime | None


@dataclass(frozen=True)
class Judge:
    """The model, the examiner and the threads that judge files."""

    settings: Settings
    model: ModelHolder
    examine: Examiner
    workers: Workers
    frames: Frames

    def judge(
        self,
        upload: Upload,
        model: LoadedModel,
        names: Iterator[str] | None,
        stopwatch: Stopwatch,
        progress: Progress,
    ) -> Judged:
        """Judge a file, and store its frames if there are names for them; see `analyse` and `publish` for errors."""
        examination = how_closely(self.settings, model.manifest)
        analysis = analyse(
            upload.path, upload.sha256, model, self.examine, examination, self.workers, stopwatch, progress
        )
        published = None
        if names:
            progress.enter("drawing")
            with stopwatch.stage("drawing"):
                calibration = model.manifest.calibration_of(analysis.basis)
                published = publish(analysis, calibration, self.frames, names, self.workers, progress)
            progress.expires_at = datetime.now(UTC) + timedelta(seconds=self.settings.retention)
        return Judged(analysis, published, model.manifest, examination, progress.expires_at)

    def tell(self, judged: Judged, identity: str, stopwatch: Stopwatch) -> Success:
        """The answer to a file that was judged, which is counted."""
        timing_ms = {stage: round(spent, 1) for stage, spent in stopwatch.milliseconds.items()}
        metrics.count_judged(judged.analysis.verdict, judged.analysis.basis, timing_ms)
        return success_answer(
            judged.analysis,
            judged.published,
            judged.manifest,
            judged.examination,
            precision=self.settings.precision,
            identity=identity,
            timing_ms=timing_ms,
            expires_at=judged.expires_at,
        )

    def judge_task(self, task: Task, uploads: Uploads, progress: Progress) -> Outcome:
        """What the answer to a file of a job would have been, had it been sent to `/predict`.

        Raises:
            Cancelled: nobody wants it any more.
            Busy, NotReady, StorageFailed: the same may succeed later; the last attempt at it has these as its outcome.
        """
        stopwatch = Stopwatch()
        try:
            if task.attempt > ATTEMPTS:
                raise Interrupted("The service ended too often while it judged this file, and gave it up.")
            with uploads.fetch(task.upload) as upload:
                progress.enter("examining")
                with stopwatch.stage("total"):
                    names = task.frame_names if task.store else None
                    judged = self.judge(upload, self.model.require(), names, stopwatch, progress)
        except Cancelled:
            raise
        except Exception as error:
            if isinstance(error, DetectorError) and error.retry_after and task.attempt < ATTEMPTS:
                raise
            status, failure = failure_of(error, task.request_id)
            return Outcome(status, _as_json(failure))
        return Outcome(200, _as_json(self.tell(judged, task.job, stopwatch)), progress.files)


def _as_json(body: object) -> str:
    return json.dumps(body, default=asdict, allow_nan=False)
