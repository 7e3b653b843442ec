from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.config import ROOT
from backend.domain import Credentials, ExaminedFrame, Media
from backend.errors import Busy, MediaTooComplex, NoVideoStream, UnreadableMedia
from backend.examination import Examination
from backend.faces.examining import MEASURED_EVERY
from backend.isolation import IsolatedExaminer, WorkerLimits
from backend.media.limits import MediaLimits
from backend.piping import Fault
from tests.credentials import sign
from tests.fakes import examine_here
from tests.generators import face_frames, face_picture, write_picture, write_sound, write_video
from tests.server import children_of, wait_until
from tests.unit.test_credentials import plain_file

EXAMINATION = Examination(
    least_instants=16,
    faces_per_frame=8,
    limits=MediaLimits(64_000_000, 16_384),
    detector_threshold=0.7,
    crop_margin=0.95,
)


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedExaminer]:
    running = IsolatedExaminer(1, 2, WorkerLimits(60, 60), [tmp_path_factory.getbasetemp()])
    yield running
    running.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("isolation") / "clip.mp4", face_frames(60))


def frames_of(examined) -> list[ExaminedFrame]:
    return [frame for moment in examined if isinstance(moment, list) for frame in moment]


def worker_processes() -> list[int]:
    return [pid for pid in children_of(os.getpid()) if b"confined.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".mp4", ".avi"])
def test_credentials_are_read_in_the_worker(examiner, tmp_path, ending):
    path = sign(plain_file(tmp_path, ending), source="trainedAlgorithmicMedia")
    media = next(iter(list(examiner.examine(path, EXAMINATION))))
    assert media.credentials == Credentials("valid", declares_ai=True)


def test_credentials_elsewhere_are_told_by_a_worker_that_can_open_no_connection(examiner, tmp_path):
    path = sign(plain_file(tmp_path, ".jpg"), kept_at="http://127.0.0.1:9/manifest")
    media = next(iter(list(examiner.examine(path, EXAMINATION))))
    assert media.credentials == Credentials("elsewhere", declares_ai=False)


def test_looks_are_measured_in_the_worker_at_some_instants(examiner, video, tmp_path):
    film = [frame for frame in frames_of(examiner.examine(video, EXAMINATION)) if not frame.follows]
    crops = [[crop for crop in frame.crops if crop.face] for frame in film]
    assert all(crops)
    measured = [all(crop.appearance for crop in cut) for cut in crops]
    assert measured == [place % MEASURED_EVERY == 0 for place in range(len(film))]
    (frame,) = frames_of(examiner.examine(write_picture(tmp_path / "a.png", face_picture()), EXAMINATION))
    (crop,) = frame.crops
    assert crop.appearance


def test_what_a_worker_finds_is_what_is_found_here(examiner, video):
    isolated, here = list(examiner.examine(video, EXAMINATION)), list(examine_here(video, EXAMINATION))
    assert isolated[0] == here[0] and isinstance(isolated[0], Media)
    assert set(isolated[-1]) == {"decoding", "faces"}
    pairs = list(zip(frames_of(isolated), frames_of(here), strict=True))
    assert len(pairs) == 18
    for ours, theirs in pairs:
        assert (ours.time, ours.follows, ours.scale) == (theirs.time, theirs.follows, theirs.scale)
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        assert [crop.face for crop in ours.crops] == [crop.face for crop in theirs.crops]
        np.testing.assert_array_equal(ours.crops[0].pixels, theirs.crops[0].pixels)


def test_the_time_in_which_a_picture_is_decoded_counts_as_such(examiner, tmp_path):
    found = list(examiner.examine(write_picture(tmp_path / "a.png", face_picture()), EXAMINATION))
    assert found[-1]["decoding"] > 0.1  # milliseconds


def test_what_is_wrong_with_a_file_is_told_as_it_is_here(examiner, tmp_path):
    with pytest.raises(NoVideoStream, match="no video"):
        list(examiner.examine(write_sound(tmp_path / "a.mp4"), EXAMINATION))


def test_a_worker_that_is_killed_costs_one_file_an_error_and_is_replaced(examiner, video):
    examined = examiner.examine(video, EXAMINATION)
    next(examined)
    for pid in worker_processes():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(UnreadableMedia, match="decoder fail"):
        list(examined)
    assert len(frames_of(examiner.examine(video, EXAMINATION))) == 18


def test_a_worker_that_is_killed_while_it_tells_something_costs_one_file_an_error(examiner, tmp_path):
    path = write_video(tmp_path / "large.mp4", face_frames(40, 720, 1280))
    examined = examiner.examine(path, EXAMINATION)
    next(examined), next(examined)
    (pid,) = worker_processes()
    wait_until(lambda: Path(f"/proc/{pid}/wchan").read_text() not in ("0", "futex_wait_queue"), 10)  # its pipe is full
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(UnreadableMedia, match="decoder fail"):
        list(examined)


def test_a_worker_that_is_killed_while_it_rests_costs_nothing(examiner, video):
    list(examiner.examine(video, EXAMINATION))
    for pid in worker_processes():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: "State:\tZ" in Path(f"/proc/{pid}/status").read_text(), 10)
    assert len(frames_of(examiner.examine(video, EXAMINATION))) == 18


def test_a_failure_nobody_foresaw_is_told_with_its_place(examiner, tmp_path):
    with pytest.raises(Fault, match="FileNotFoundError"):
        list(examiner.examine(tmp_path / "nothing.mp4", EXAMINATION))


def test_a_file_that_nobody_waits_for_any_more_frees_its_worker(examiner, video):
    examined = examiner.examine(video, EXAMINATION)
    next(examined)
    examined.close()
    assert len(frames_of(examiner.examine(video, EXAMINATION))) == 18


@pytest.mark.parametrize(
    "limits",
    [WorkerLimits(wall_seconds=0.05, processor_seconds=60), WorkerLimits(wall_seconds=60, processor_seconds=0)],
)
def test_a_file_that_takes_too_long_is_too_complex(tmp_path, limits):
    examiner = IsolatedExaminer(1, 1, limits, [tmp_path])
    try:
        with pytest.raises(MediaTooComplex, match="too long"):
            list(examiner.examine(write_video(tmp_path / "large.mp4", face_frames(60, 720, 1280)), EXAMINATION))
    finally:
        examiner.close()


def test_time_in_which_nobody_listens_is_not_the_files_time(video):
    limits = WorkerLimits(wall_seconds=5, processor_seconds=60)
    examiner = IsolatedExaminer(1, 1, limits, [video])
    try:
        list(examiner.examine(video, EXAMINATION))
        found = []
        for part in examiner.examine(video, EXAMINATION):
            found.append(part)
            if len(found) == 1:
                started = time.monotonic()
                wait_until(lambda started=started: time.monotonic() - started > limits.wall_seconds, 10)
        assert len(frames_of(found)) == 18
    finally:
        examiner.close()


def test_where_no_process_can_be_started_the_service_is_busy_until_one_can(video):
    examiner = IsolatedExaminer(1, 1, WorkerLimits(60, 60), [video])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        list(examiner.examine(video, EXAMINATION))  # so that its worker has started
        for pid in worker_processes():
            os.kill(pid, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        with pytest.raises(Busy):
            list(examiner.examine(video, EXAMINATION))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(frames_of(examiner.examine(video, EXAMINATION))) == 18
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        examiner.close()


INTERRUPTED_START = """
import os, signal, subprocess
from backend.isolation import IsolatedExaminer, WorkerLimits

class Interrupted(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.killpg(0, signal.SIGINT)  # as a terminal does

subprocess.Popen = Interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
try:
    IsolatedExaminer(1, 1, WorkerLimits(60, 60), [])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_while_workers_are_started_makes_none_of_them_fail(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED_START)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True, start_new_session=True
    )
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")


@pytest.mark.parametrize(("channels", "depth"), [(3, np.uint8), (4, np.uint8), (3, np.uint16), (4, np.uint16)])
def test_every_picture_within_the_limit_of_pixels_fits_into_a_worker(tmp_path, channels, depth):
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), np.zeros((8000, 8000, channels), depth), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    examiner = IsolatedExaminer(1, 16, WorkerLimits(60, 60), [tmp_path])
    try:
        assert frames_of(examiner.examine(path, EXAMINATION))
    finally:
        examiner.close()


def test_a_picture_that_needs_more_memory_than_a_worker_has_is_refused(examiner, tmp_path):
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), np.zeros((16_000, 16_000, 4), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    unlimited = Examination(16, 8, MediaLimits(2**40, 2**20), 0.7, 0.95)
    with pytest.raises(MediaTooComplex, match="too much memory"):
        list(examiner.examine(path, unlimited))
    assert frames_of(examiner.examine(write_picture(tmp_path / "a.jpg", face_picture()), EXAMINATION))
