"""What is told of a file while it is judged, and what becomes of the work where that cannot be told."""

from __future__ import annotations

import pytest

from backend.errors import Cancelled, StorageFailed
from backend.jobs.carrying import ReportedProgress
from backend.progress import Progress


def test_work_goes_on_where_the_ledger_cannot_be_told_of_it():
    def nobody_answers(progress: object) -> bool:
        raise StorageFailed

    progress = ReportedProgress(nobody_answers, 0)
    progress.enter("examining")
    progress.count_instant()
    assert (progress.state, progress.instants_examined) == ("examining", 1)


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
