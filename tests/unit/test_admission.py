from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.api.admission import Admission
from backend.errors import Busy, Cancelled
from backend.progress import Progress
from tests.app.test_metrics import counted
from tests.server import wait_until


def test_no_more_run_than_are_let_through_and_the_rest_is_turned_away():
    admission = Admission(running=2, waiting=1)
    release, entered = threading.Event(), threading.Semaphore(0)
    running: list[int] = []
    most: list[int] = []

    def work(_: int) -> None:
        with admission.enter(Progress()):
            running.append(1)
            most.append(len(running))
            entered.release()
            release.wait(10)
            running.pop()

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(work, place) for place in range(3)]
        assert entered.acquire(timeout=10) and entered.acquire(timeout=10)
        while admission._inside < 3:
            threading.Event().wait(0.01)
        with pytest.raises(Busy), admission.enter(Progress()):
            pass
        release.set()
        for future in futures:
            future.result(10)
    assert max(most) == 2
    with admission.enter(Progress()):
        pass


def test_a_failure_inside_gives_the_place_back():
    admission = Admission(running=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.enter(Progress()):
            raise ZeroDivisionError


def test_those_inside_and_those_who_wait_are_counted():
    admission = Admission(running=1, waiting=1)

    def wait_inside() -> None:
        with admission.enter(Progress()):
            pass

    with admission.enter(Progress()):
        second = threading.Thread(target=wait_inside)
        second.start()
        wait_until(lambda: counted("detector_files_waiting") == 1, 10)
        assert counted("detector_files_running") == 1
    second.join(10)
    assert counted("detector_files_waiting") == counted("detector_files_running") == 0


def test_what_is_cancelled_while_it_waits_leaves_at_once_and_gives_its_place_back():
    admission = Admission(running=1, waiting=1)
    waiting, next_one = Progress(), Progress()

    def wait_inside(progress: Progress) -> None:
        with admission.enter(progress):
            pass

    with admission.enter(Progress()), ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(wait_inside, waiting)
        wait_until(lambda: counted("detector_files_waiting") == 1, 10)
        waiting.cancel()
        admission.look_again()
        with pytest.raises(Cancelled):
            cancelled.result(10)
        pool.submit(wait_inside, next_one)
        wait_until(lambda: counted("detector_files_waiting") == 1, 10)
        assert next_one.state == "waiting"
        next_one.cancel()
        admission.look_again()
    assert (waiting.state, next_one.state) == ("cancelled", "cancelled")
