from __future__ import annotations

import threading

import pytest

from backend.examination import Stopwatch, in_order, start_workers
from backend.pipeline import analyse
from backend.progress import Progress
from tests.fakes import MANIFEST, FakeClassifier, LoadedModel, examine_here
from tests.generators import face_frames, write_video
from tests.unit.test_isolation import EXAMINATION


def test_what_is_worked_on_when_the_items_fail_is_finished_and_nothing_else_begun():
    begun, finished, started = [], [], threading.Event()

    def items():
        yield from range(2)
        assert started.wait(10)
        raise ZeroDivisionError

    def work(item: int) -> None:
        begun.append(item)
        started.set()
        threading.Event().wait(0.2)  # the work itself
        finished.append(item)

    with pytest.raises(ZeroDivisionError):
        list(in_order(start_workers(1), work, items()))
    assert begun == finished == [0]


def test_an_examination_is_closed_when_its_faces_cannot_be_scored(tmp_path):
    closed = []

    class Broken(FakeClassifier):
        def predict(self, crops):
            raise ZeroDivisionError

    def examine(path, examination):
        try:
            yield from examine_here(path, examination)
        finally:
            closed.append(True)

    path, model = write_video(tmp_path / "a.mp4", face_frames(50)), LoadedModel(Broken(), MANIFEST)
    with pytest.raises(ZeroDivisionError) as caught:  # which keeps the generator
        analyse(path, "", model, examine, EXAMINATION, start_workers(1), Stopwatch(), Progress())
    assert closed and caught
