"""What goes wrong around the service, made to happen to a real process."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from backend.store.frames import FRAME_NAME
from backend.store.uploads import FOLDER_NAME
from tests.generators import face_picture, write_picture
from tests.server import Server, running_server, wait_until

SHORT_LIVED = {"DETECTOR_RETENTION": "2", "DETECTOR_PURGE_INTERVAL": "1"}
JPEG_END = b"\xff\xd9"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("picture") / "a.jpg", face_picture())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as running:
        running.wait_for("/readyz", 200)
        yield running


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """A file system of its own under a folder; skips where that is not allowed."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs"]
    mounting = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if mounting.returncode:
        pytest.skip(f"no file system can be mounted here: {mounting.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def in_background(server: Server, path: Path, count: int) -> tuple[ThreadPoolExecutor, list]:
    pool = ThreadPoolExecutor(count)
    answers = [pool.submit(server.predict, path) for _ in range(count)]
    wait_until(lambda: any(server.uploads.glob("upload-*")), 20)
    return pool, answers


def check_storage_failed(response: requests.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (503, "storage_failed")
    assert int(response.headers["Retry-After"]) > 0


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def processor_ticks(pid: int) -> int:
    """Hundredths of a second of processor time that a process has used."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def test_each_file_is_judged_in_a_folder_of_its_own_that_no_other_user_can_enter(server, slow_video):
    pool, answers = in_background(server, slow_video, 2)
    wait_until(lambda: len(list(server.uploads.glob("upload-*/*"))) == 2, 20)
    folders = list(server.uploads.glob("upload-*"))
    assert len(folders) == 2 and all(FOLDER_NAME.fullmatch(folder.name) for folder in folders)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
    assert [answer.result().status_code for answer in answers] == [200, 200]
    pool.shutdown()
    assert not any(server.uploads.glob("upload-*"))


def test_a_killed_worker_costs_its_file_an_error_and_no_other_anything(server, picture, slow_video):
    for _ in server.workers():  # so that each has started, and works hereafter at nothing but files
        assert server.predict(picture).status_code == 200
    rested = {pid: processor_ticks(pid) for pid in server.workers()}
    pool, (answer,) = in_background(server, slow_video, 1)
    wait_until(lambda: any(processor_ticks(pid) > ticks + 5 for pid, ticks in rested.items()), 10)
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    assert (answer.result().status_code, answer.result().json()["code"]) == (422, "unreadable_media"), server.log
    pool.shutdown()
    assert server.predict(picture).status_code == 200
    assert server.predict(slow_video).status_code == 200


def test_workers_that_are_killed_while_they_rest_are_replaced(server, picture):
    for _ in range(2):
        killed = server.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda killed=killed: not any(map(is_alive, killed)), 10)
        for _ in range(len(killed) + 1):
            assert server.predict(picture).status_code == 200


def test_a_service_killed_during_requests_leaves_no_process_and_nothing_old(tmp_path, picture, slow_video):
    with running_server(tmp_path, **SHORT_LIVED) as server:
        server.wait_for("/readyz", 200)
        assert server.predict(picture).status_code == 200
        workers = server.children()
        pool, answers = in_background(server, slow_video, 4)
        server.kill()
        assert all(isinstance(answer.exception(), requests.ConnectionError) for answer in answers)
        pool.shutdown()
        wait_until(lambda: not any(map(is_alive, workers)), 30)
        assert any(server.uploads.glob("upload-*"))
    (tmp_path / "static" / ("0" * 32 + ".jpg.part")).write_bytes(b"half")
    with running_server(tmp_path, **SHORT_LIVED) as server:
        assert server.get(f"/static/{'0' * 32}.jpg.part").status_code == 404
        assert server.get(f"/static/{'0' * 32}.jpg").status_code == 404
        wait_until(lambda: not any(server.uploads.glob("upload-*")) and not any(server.static.glob("*.jpg*")), 20)


def test_frames_are_served_whole_while_they_are_written_and_purged_or_not_at_all(tmp_path, picture):
    with running_server(tmp_path, **SHORT_LIVED) as server:
        server.wait_for("/readyz", 200)
        stop, torn, served = threading.Event(), [], []

        def download() -> None:
            while not stop.is_set():
                for name in [path.name for path in server.static.iterdir() if FRAME_NAME.fullmatch(path.name)]:
                    response = server.get(f"/static/{name}")
                    whole = response.content.endswith(JPEG_END) and response.content.startswith(b"\xff\xd8")
                    (served if response.status_code == 200 and whole else torn).append(response.status_code)

        with ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                pool.submit(download)
            end = time.monotonic() + 8
            while time.monotonic() < end:
                assert server.predict(picture).status_code == 200
            stop.set()
        assert len(served) > 20 and set(torn) <= {404}
        assert "Traceback" not in server.log


def test_a_disk_that_is_full_of_uploads_is_told_and_the_service_recovers(tmp_path, picture):
    large = tmp_path / "large.mp4"
    large.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(3_000_000))
    disk = tmp_path / "disk"
    with small_disk(disk, 2000), running_server(tmp_path, DETECTOR_UPLOAD_FOLDER=str(disk)) as server:
        server.wait_for("/readyz", 200)
        for _ in range(3):
            check_storage_failed(server.predict(large))
        assert server.predict(picture).status_code == 200
        assert not any(disk.glob("upload-*"))


def test_a_disk_that_is_full_of_frames_is_told_and_no_half_frame_is_left(tmp_path, picture):
    disk = tmp_path / "disk"
    with small_disk(disk, 60), running_server(tmp_path, DETECTOR_FRAME_FOLDER=str(disk)) as server:
        server.wait_for("/readyz", 200)
        for _ in range(3):
            check_storage_failed(server.predict(picture))
        assert not any(disk.glob("*.part"))
        assert all(path.read_bytes().endswith(JPEG_END) for path in disk.glob("*.jpg"))


@pytest.mark.parametrize("setting", ["DETECTOR_UPLOAD_FOLDER", "DETECTOR_FRAME_FOLDER"])
def test_a_folder_that_becomes_read_only_is_told_and_the_service_recovers(tmp_path, picture, setting):
    disk = tmp_path / "disk"
    with small_disk(disk, 20_000), running_server(tmp_path, **{setting: str(disk)}) as server:
        server.wait_for("/readyz", 200)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        check_storage_failed(server.predict(picture))
        assert server.get("/readyz").status_code == 200
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert server.predict(picture).status_code == 200


def test_a_write_that_fails_at_a_limit_of_sizes_is_told(server, picture):
    small = write_picture(picture.parent / "small.png", face_picture()[::16, ::16])
    assert small.stat().st_size < 4096
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    check_storage_failed(server.predict(picture))
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)
    assert server.predict(picture).status_code == 200
    assert not any(server.static.glob("*.part")) and not any(server.uploads.glob("upload-*"))


def test_folders_that_vanish_are_told_and_come_back(server, picture):
    server.uploads.rename(server.uploads.with_name("elsewhere"))
    check_storage_failed(server.predict(picture))
    server.uploads.mkdir()
    assert server.predict(picture).status_code == 200


def test_a_folder_that_cannot_be_made_is_said_at_start(tmp_path, capfd):
    blocked = tmp_path / "file"
    blocked.touch()
    with (
        pytest.raises(AssertionError, match=r"Cannot start: the folder .*file/uploads cannot be used"),
        running_server(tmp_path, DETECTOR_UPLOAD_FOLDER=str(blocked / "uploads")),
    ):
        pass


def test_a_model_file_that_vanishes_is_not_missed_until_the_next_start(tmp_path, picture):
    from tests.system.test_real_service import MODEL_PATH

    path = tmp_path / "model.h5"
    path.write_bytes(MODEL_PATH.read_bytes())
    with running_server(tmp_path, DETECTOR_MODEL_PATH=str(path)) as server:
        server.wait_for("/readyz", 200)
        path.unlink()
        assert server.predict(picture).status_code == 200


def test_a_clock_that_was_set_back_keeps_nothing_for_ever(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    frame = static / ("0" * 32 + ".jpg")
    frame.write_bytes(b"x")
    os.utime(frame, (time.time() + 86_400,) * 2)
    with running_server(tmp_path, **SHORT_LIVED):
        wait_until(lambda: not frame.exists(), 20)


class Clock:
    """The clock of a process, not of the machine: Debian's libfaketime tells it what is written into a file."""

    LIBRARY = "libfaketimeMT.so.1"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "clock"
        self.set("+0")

    def set(self, offset: str) -> None:
        partial = self._path.with_suffix(".part")
        partial.write_text(offset)
        partial.replace(self._path)

    @property
    def environment(self) -> dict[str, str]:
        found = next(iter(sorted(Path("/usr/lib").glob(f"*/faketime/{self.LIBRARY}"))), None)
        if found is None:
            pytest.skip("there is no libfaketime (Debian: apt-get install faketime)")
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # files were written when they were
        }


def test_a_clock_that_jumps_ahead_and_back_stops_nothing(tmp_path, picture):
    clock = Clock(tmp_path)
    with running_server(tmp_path, DETECTOR_PURGE_INTERVAL="1", **clock.environment) as server:
        server.wait_for("/readyz", 200)
        frame = f"/static/{server.predict(picture).json()['frames'][0]}"
        assert server.get(frame).status_code == 200
        clock.set("+2h")
        wait_until(lambda: not any(server.static.glob("*.jpg")), 10)
        assert server.get(frame).status_code == 404
        assert server.predict(picture).status_code == 200
        clock.set("+0")
        old = server.static / ("0" * 32 + ".jpg")
        old.write_bytes(b"x")
        os.utime(old, (time.time() - 7200,) * 2)
        wait_until(lambda: not old.exists(), 10)
        answer = server.predict(picture)
        assert answer.status_code == 200
        assert server.get(f"/static/{answer.json()['frames'][0]}").status_code == 200
        assert server.get("/readyz").status_code == 200 and "Traceback" not in server.log


def test_two_services_share_folders_and_one_purges_until_it_ends(tmp_path, picture):
    (tmp_path / "second").mkdir()
    shared = {
        "DETECTOR_UPLOAD_FOLDER": str(tmp_path / "uploads"),
        "DETECTOR_FRAME_FOLDER": str(tmp_path / "static"),
        **SHORT_LIVED,
    }
    with running_server(tmp_path, **shared) as first, running_server(tmp_path / "second", **shared) as second:
        for server in (first, second):
            server.wait_for("/readyz", 200)
            assert server.predict(picture).status_code == 200
        wait_until(lambda: not any(first.static.glob("*.jpg")), 20)
        assert '"purged"' in first.log and '"purged"' not in second.log
        first.kill()
        assert second.predict(picture).status_code == 200
        wait_until(lambda: not any(first.static.glob("*.jpg")), 20)
        assert '"purged"' in second.log
