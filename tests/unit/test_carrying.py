"""What is told of a file while it is judged, and what becomes of the work where that cannot be told."""

from __future__ import annotations

from contextlib import closing

import pytest

from backend.errors import Cancelled, StorageFailed
from backend.jobs.carrying import Carrier, ReportedProgress
from backend.jobs.job import Order, Outcome, Task
from backend.jobs.sqlite_ledger import SqliteLedger
from backend.progress import Progress
from backend.store.frames import FrameFolder
from backend.store.uploads import Upload, UploadFolder, Uploads


def test_work_goes_on_where_the_ledger_cannot_be_told_of_it():
    reports: list[str] = []

    def nobody_answers(progress: Progress) -> bool:
        reports.append(progress.state)
        raise StorageFailed

    progress = ReportedProgress(nobody_answers, 0)
    progress.enter("examining")
    for _ in range(2):
        progress.count_instant()
    assert (progress.state, progress.instants_examined) == ("examining", 2)
    assert reports == ["examining"]  # each may take seconds to fail


def test_work_that_is_not_wanted_any_more_is_given_up():
    progress = ReportedProgress(lambda _: False, 0)
    progress.enter("examining")
    with pytest.raises(Cancelled):
        progress.check()


@pytest.mark.parametrize(("pause", "told"), [(0, 3), (60, 0)])
def test_steps_are_told_no_more_often_than_the_ledger_likes(pause, told):
    reports: list[int] = []

    def report(progress: Progress) -> bool:
        reports.append(progress.instants_examined)
        return True

    progress = ReportedProgress(report, pause)
    progress.enter("examining")
    for _ in range(2):
        progress.count_instant()
    assert len(reports) == told
    progress.tell()  # as a worker does on its rounds
    assert reports[told:] == [2]


@pytest.mark.parametrize(("is_cancelled", "rest"), [(False, StorageFailed.retry_after), (True, 0)])
def test_nobody_rests_after_a_file_that_is_not_wanted_any_more(tmp_path, is_cancelled, rest):
    def judge(task: Task, uploads: Uploads, progress: Progress) -> Outcome:
        with uploads.fetch(task.upload):
            raise AssertionError("there is no such file")

    with closing(SqliteLedger(tmp_path, 32, runners=1)) as ledger:
        gone = Upload(tmp_path / "upload" / "gone", 1, "0" * 64)
        identity, _ = ledger.submit(Order("client", "request", (gone,), store=False, key=None))
        task = ledger.claim()
        if is_cancelled:
            ledger.remove(identity)
        carrier = Carrier(ledger, UploadFolder(), FrameFolder(tmp_path), judge)
        assert carrier.carry_out(task, carrier.follow(task)) == rest
