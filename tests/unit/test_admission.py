from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from backend.api.admission import Admission
from backend.errors import Busy, Cancelled
from backend.progress import Progress
from tests.metrics import counted
from tests.server import wait_until


def test_no_more_run_than_are_let_through_and_the_rest_is_turned_away():
    admission = Admission(running=2, waiting=1)
    release, entered = threading.Event(), threading.Semaphore(0)
    running: list[int] = []
    most: list[int] = []

    def work(_: int) -> None:
        with admission.enter(Progress(), "somebody"):
            running.append(1)
            most.append(len(running))
            entered.release()
            release.wait(10)
            running.pop()

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(work, place) for place in range(3)]
        assert entered.acquire(timeout=10) and entered.acquire(timeout=10)
        wait_until(lambda: counted("detector_files_waiting") == 1, 10)
        with pytest.raises(Busy), admission.enter(Progress(), "somebody"):
            pass
        release.set()
        for future in futures:
            future.result(10)
    assert max(most) == 2
    with admission.enter(Progress(), "somebody"):
        pass


def test_a_failure_inside_gives_the_place_back():
    admission = Admission(running=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.enter(Progress(), "somebody"):
            raise ZeroDivisionError


def test_those_inside_and_those_who_wait_are_counted():
    admission = Admission(running=1, waiting=1)

    def wait_inside() -> None:
        with admission.enter(Progress(), "somebody"):
            pass

    with admission.enter(Progress(), "somebody"):
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
        with admission.enter(progress, "somebody"):
            pass

    with admission.enter(Progress(), "somebody"), ThreadPoolExecutor(2) as pool:
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


def test_a_turn_is_had_however_many_wait_and_can_be_given_up():
    admission = Admission(running=1, waiting=0)
    given_up = threading.Event()

    def wait_for_turn(_: int) -> bool:
        with admission.turn(given_up.is_set) as had:
            return had

    with ThreadPoolExecutor(3) as pool, admission.turn(lambda: False) as had:
        assert had
        waiting = [pool.submit(wait_for_turn, place) for place in range(3)]
        wait_until(lambda: counted("detector_files_waiting") == 3, 10)
        given_up.set()
        admission.look_again()
        assert [future.result(10) for future in waiting] == [False] * 3
    with admission.enter(Progress(), "somebody"):
        pass


class Visitors:
    """Threads that ask for a turn one after the other, and the order in which they get it."""

    def __init__(self, admission: Admission, pool: ThreadPoolExecutor) -> None:
        self.order: list[str] = []
        self._admission = admission
        self._pool = pool

    def send(self, client: str) -> Future[None]:
        """Let a client's file wait for its turn; it holds it only for a moment."""
        return self._wait_in(self.enter, client)

    def send_job(self) -> Future[None]:
        return self._wait_in(self._take_turn, "jobs")

    def _wait_in(self, how: Callable[[str], None], client: str) -> Future[None]:
        before = counted("detector_files_waiting")
        sent = self._pool.submit(how, client)
        wait_until(lambda: sent.done() or counted("detector_files_waiting") == before + 1, 10)
        return sent

    def enter(self, client: str) -> None:
        with self._admission.enter(Progress(), client):
            self.order.append(client)

    def _take_turn(self, client: str) -> None:
        with self._admission.turn(lambda: False):
            self.order.append(client)


def test_clients_take_turns_however_many_files_one_sends():
    admission = Admission(running=1, waiting=8)
    with ThreadPoolExecutor(8) as pool:
        visitors = Visitors(admission, pool)
        with admission.enter(Progress(), "greedy"):
            for client in ("greedy", "greedy", "greedy", "second", "second", "third"):
                visitors.send(client)
    assert visitors.order == ["second", "third", "greedy", "second", "greedy", "greedy"]


def test_jobs_as_a_whole_take_turns_with_clients():
    admission = Admission(running=1, waiting=8)
    with ThreadPoolExecutor(8) as pool:
        visitors = Visitors(admission, pool)
        with admission.enter(Progress(), "first"):
            visitors.send_job()
            visitors.send_job()
            visitors.send("second")
    assert visitors.order == ["jobs", "second", "jobs"]


def test_one_client_may_fill_the_queue_but_gives_way_to_another_that_has_less_in_it():
    admission = Admission(running=1, waiting=3)
    with ThreadPoolExecutor(8) as pool:
        visitors = Visitors(admission, pool)
        with admission.enter(Progress(), "greedy"):
            oldest, middle, newest = (visitors.send("greedy") for _ in range(3))
            with pytest.raises(Busy):
                visitors.send("greedy").result(10)
            pool.submit(visitors.enter, "second")
            with pytest.raises(Busy):
                newest.result(10)
            with pytest.raises(Busy):  # it would have as many as the one that gives way
                visitors.send("second").result(10)
            assert not oldest.done() and not middle.done()
    assert visitors.order == ["second", "greedy", "greedy"]


def test_what_is_examined_gives_way_to_nobody():
    admission = Admission(running=1, waiting=0)
    with ThreadPoolExecutor(1) as pool, admission.enter(Progress(), "first"), pytest.raises(Busy):
        Visitors(admission, pool).send("second").result(10)
