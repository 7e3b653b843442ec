from __future__ import annotations

import os
import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from backend.errors import StorageFailed
from backend.store.frames import FRAME_NAME, FrameFolder, derived_names, random_names
from backend.store.purge import LOCK_NAME, Purger, purge, schedule_purge
from backend.store.uploads import FOLDER_NAME, PrivateFolder, finish_upload


def aged(path: Path, seconds: float) -> Path:
    path.write_bytes(b"x")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_names_are_of_128_random_bits():
    names = set(islice(random_names(), 1000))
    assert len(names) == 1000 and all(FRAME_NAME.fullmatch(name) for name in names)


def test_a_frame_is_stored_whole_and_nothing_else_is_left(tmp_path):
    FrameFolder(tmp_path).store("a.jpg", b"jpeg")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.jpg": b"jpeg"}


def test_a_frame_that_cannot_be_stored_leaves_nothing(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(StorageFailed):
        FrameFolder(tmp_path).store("a.jpg", b"jpeg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_uploads_lie_in_a_folder_of_their_own_and_are_gone_with_it(tmp_path):
    folder = PrivateFolder(tmp_path)
    files = [folder.open_file() for _ in range(2)]
    files[0].write(b"abc")
    upload = finish_upload(files[0])
    assert upload.path.read_bytes() == b"abc" and upload.size == 3
    assert upload.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (private,) = tmp_path.iterdir()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700 and FOLDER_NAME.fullmatch(private.name)
    assert {Path(file.name) for file in files} == set(private.iterdir())
    folder.close()
    assert list(tmp_path.iterdir()) == [] and all(file.closed for file in files)


def test_names_of_private_folders_are_of_128_random_bits(tmp_path):
    folders = [PrivateFolder(tmp_path) for _ in range(100)]
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 100 and all(FOLDER_NAME.fullmatch(name) for name in names)
    for folder in folders:
        folder.close()


def test_only_what_is_older_than_the_retention_is_purged(tmp_path):
    aged(tmp_path / "old.jpg", 3601), aged(tmp_path / "young.jpg", 3500), aged(tmp_path / ".gitkeep", 9999)
    assert purge(tmp_path, 3600) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"young.jpg", ".gitkeep"}


def test_a_file_that_vanishes_meanwhile_does_not_stop_the_purge(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        aged(tmp_path / name, 100)
    unlink = Path.unlink

    def vanish_first(path, *args, **kwargs):
        unlink(path)
        if path.name == "b":
            raise FileNotFoundError

    monkeypatch.setattr(Path, "unlink", vanish_first)
    assert purge(tmp_path, 10) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_frame_being_written_is_not_taken(tmp_path):
    (tmp_path / "a.jpg.part").write_bytes(b"half")
    purge(tmp_path, 10)
    assert (tmp_path / "a.jpg.part").exists()


def test_the_schedule_purges_at_once_and_again(tmp_path):
    aged(tmp_path / "first", 100)
    purger = Purger([tmp_path], retention=50)
    scheduler = schedule_purge([purger.run], interval=1)
    try:
        wait_until(lambda: not (tmp_path / "first").exists())
        aged(tmp_path / "second", 100)
        wait_until(lambda: not (tmp_path / "second").exists())
        assert len(scheduler.get_jobs()) == 1
    finally:
        scheduler.shutdown()
        purger.close()


@pytest.mark.parametrize("hours", [-2, 2, 24 * 365 * 50])
def test_the_schedule_goes_on_when_the_clock_is_set(tmp_path, hours):
    """Seen from the scheduler, a clock that is set is a time planned for a job that is too far off."""
    purger = Purger([tmp_path], retention=50)
    scheduler = schedule_purge([purger.run], interval=600)
    try:
        (job,) = scheduler.get_jobs()
        wait_until(lambda: (tmp_path / LOCK_NAME).exists())
        aged(tmp_path / "a.jpg", 100)
        job.modify(next_run_time=datetime.now(UTC) - timedelta(hours=hours))
        wait_until(lambda: not (tmp_path / "a.jpg").exists())
        wait_until(lambda: timedelta(0) < job.next_run_time - datetime.now(UTC) <= timedelta(seconds=600))
    finally:
        scheduler.shutdown()
        purger.close()


def test_a_folder_in_work_is_not_purged_however_old_the_clock_makes_it(tmp_path):
    folder = PrivateFolder(tmp_path)
    folder.open_file()
    (private,) = tmp_path.iterdir()
    os.utime(private, (0, 0))
    assert purge(tmp_path, 10) == 0 and len(list(private.iterdir())) == 1
    folder.close()


def test_a_folder_that_was_left_behind_is_purged_whole_and_nobody_elses_is(tmp_path):
    left, foreign = tmp_path / f"upload-{'0' * 32}", tmp_path / "upload-of-mine"
    for folder in (left, foreign):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
        os.utime(folder, (0, 0))
    assert purge(tmp_path, 10) == 1
    assert list(tmp_path.iterdir()) == [foreign] and (foreign / "file").exists()


def test_a_file_from_the_future_is_kept_for_the_retention_from_now(tmp_path):
    path = aged(tmp_path / "a.jpg", -100_000)
    assert purge(tmp_path, 10) == 0
    assert abs(path.stat().st_mtime - time.time()) < 5


def test_one_of_two_purges_a_folder_and_the_other_takes_over(tmp_path):
    first, second = Purger([tmp_path], 50), Purger([tmp_path], 50)
    first.run()
    aged(tmp_path / "a.jpg", 100)
    second.run()
    assert (tmp_path / "a.jpg").exists()
    first.close()
    second.run()
    second.close()
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]


def test_a_frame_is_shown_until_its_time_is_over_and_never_through_a_link(tmp_path):
    name, other, none = islice(random_names(), 3)
    aged(tmp_path / name, 40)
    (tmp_path / other).symlink_to(tmp_path / name)
    frames = FrameFolder(tmp_path)
    found = frames.find(name)
    assert found.jpeg == tmp_path / name and 58 <= found.seconds_left(100) <= 60 and found.seconds_left(30) == 0
    assert frames.find(other) is frames.find(none) is frames.find("../secret") is None


def test_names_of_a_jobs_frames_are_the_same_each_time_and_of_no_other_file():
    names = [list(islice(derived_names(secret, place), 128)) for secret in ("a", "b") for place in (0, 1)]
    assert names[0] == list(islice(derived_names("a", 0), 128))
    assert len({name for each in names for name in each if FRAME_NAME.fullmatch(name)}) == 4 * 128


def wait_until(condition, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)
