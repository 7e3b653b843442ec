from __future__ import annotations

import threading

import pytest

from backend.api import analyses as module
from backend.api.analyses import Analyses
from backend.errors import Busy, Cancelled, IdTaken, StorageFailed, UnreadableMedia
from backend.store.frames import FrameFolder


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def finish(analyses: Analyses, identity: str, files: tuple[str, ...] = ()) -> None:
    with analyses.follow(identity) as progress:
        progress.files = files


def test_an_id_can_be_used_once(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    finish(analyses, "a")
    with pytest.raises(IdTaken), analyses.follow("a"):
        pass
    with analyses.follow("b"), pytest.raises(IdTaken), analyses.follow("b"):
        pass


def test_an_analysis_is_remembered_for_the_retention_after_its_end_and_its_id_is_free_then(tmp_path, clock):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    with analyses.follow("a"):
        clock[0] += 1000
        assert analyses.find("a").state == "waiting"
    clock[0] += 99
    assert analyses.find("a").state == "done"
    clock[0] += 1
    assert analyses.find("a") is None
    finish(analyses, "a")


def test_what_failed_is_remembered_as_such_and_its_files_are_gone(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    (tmp_path / "x.jpg").touch()
    with pytest.raises(UnreadableMedia), analyses.follow("a") as progress:
        progress.files = ("x.jpg", "y.jpg")
        raise UnreadableMedia("It is damaged.")
    assert analyses.find("a").state == "failed" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [Busy("Too much."), StorageFailed()])
def test_what_may_be_tried_again_may_be_so_with_the_same_id(tmp_path, error):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    with pytest.raises(type(error)), analyses.follow("a"):
        raise error
    assert analyses.find("a") is None
    finish(analyses, "a")


def test_what_is_cancelled_in_the_last_moment_is_not_done_and_its_files_are_gone(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    with pytest.raises(Cancelled), analyses.follow("a") as progress:
        (tmp_path / "x.jpg").touch()
        progress.files = ("x.jpg",)
        assert analyses.delete(progress) == 0
    assert analyses.find("a").state == "cancelled" and list(tmp_path.iterdir()) == []


def test_files_of_what_is_done_are_deleted_once(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    for name in ("x.jpg", "y.jpg", "z.jpg"):
        (tmp_path / name).touch()
    finish(analyses, "a", ("x.jpg", "y.jpg", "purged.jpg"))
    progress = analyses.find("a")
    assert [analyses.delete(progress), analyses.delete(progress)] == [2, 0]
    assert progress.state == "done" and [path.name for path in tmp_path.iterdir()] == ["z.jpg"]


def test_files_that_cannot_be_deleted_may_be_later(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    (tmp_path / "x.jpg").mkdir()
    finish(analyses, "a", ("x.jpg",))
    with pytest.raises(StorageFailed):
        analyses.delete(analyses.find("a"))
    (tmp_path / "x.jpg").rmdir()
    (tmp_path / "x.jpg").touch()
    assert analyses.delete(analyses.find("a")) == 1


def test_no_more_are_remembered_than_the_limit_and_those_without_files_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_ENDED", 3)
    analyses = Analyses(FrameFolder(tmp_path), 100)
    with analyses.follow("running"):
        finish(analyses, "a", ("a.jpg",))
        finish(analyses, "b")
        finish(analyses, "c", ("c.jpg",))
        finish(analyses, "d", ("d.jpg",))
        assert [identity for identity in ("running", "a", "b", "c", "d") if analyses.find(identity)] == [
            "running",
            "a",
            "c",
            "d",
        ]
        finish(analyses, "e", ("e.jpg",))
        assert analyses.find("a") is None and analyses.find("running").state == "waiting"


def test_of_many_that_want_one_id_one_gets_it(tmp_path):
    analyses = Analyses(FrameFolder(tmp_path), 100)
    together, taken = threading.Barrier(8), []

    def want() -> None:
        together.wait(10)
        try:
            finish(analyses, "a")
        except IdTaken:
            taken.append(1)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(taken) == 7
