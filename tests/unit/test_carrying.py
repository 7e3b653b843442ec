"""What is told of a file while it is judged, and what becomes of the work where that cannot be told."""

from __future__ import annotations

import pytest

from backend.errors import Cancelled, StorageFailed
from backend.jobs.carrying import ReportedProgress


def test_work_goes_on_where_the_ledger_cannot_be_told_of_it():
    def nobody_answers(progress: object) -> bool:
        raise StorageFailed

    progress = ReportedProgress(nobody_answers)
    progress.enter("examining")
    progress.count_instant()
    assert (progress.state, progress.instants_examined) == ("examining", 1)


def test_work_that_is_not_wanted_any_more_is_given_up():
    progress = ReportedProgress(lambda _: False)
    progress.enter("examining")
    with pytest.raises(Cancelled):
        progress.check()
