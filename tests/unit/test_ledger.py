"""What is known of jobs: taken in under limits, taken out in turns, and there again after the process has ended."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path

import pytest
from redis import Redis

from backend.errors import Busy, KeyReused, StorageFailed
from backend.jobs.job import MOST_FRAMES, Backlog, Order, Outcome, Queue, QueueFigures, Task
from backend.jobs.ledger import Ledger
from backend.jobs.redis_ledger import PREFIX, RedisLedger, connect
from backend.jobs.sqlite_ledger import NAME, QUEUE, SqliteLedger
from backend.progress import Progress
from backend.store.uploads import Upload
from tests.server import free_port, wait_until

MOST = 32
RETENTION = 100
DONE = Outcome(200, '{"status": "success"}', ("a.jpg",))
FAILED = Outcome(422, '{"status": "error"}')


@pytest.fixture(params=["sqlite", "redis"])
def open_another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    """Opens what is known of jobs, as another process would."""
    with ExitStack() as opened:
        if request.param == "sqlite":

            def open_one() -> Ledger:
                return opened.enter_context(closing(SqliteLedger(tmp_path / "jobs", MOST, runners=2)))
        else:
            url = request.getfixturevalue("empty_redis").url

            def open_one() -> Ledger:
                return RedisLedger(opened.enter_context(connect(url)), MOST, RETENTION, ("gpu", "cpu"))

        yield open_one


@pytest.fixture
def ledger(open_another: Callable[[], Ledger]) -> Ledger:
    return open_another()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(tmp_path / "jobs", MOST, runners=2)) as opened:
        yield opened


@pytest.fixture
def shared(redis_client: Redis) -> RedisLedger:
    return RedisLedger(redis_client, MOST, RETENTION, ("gpu", "cpu"))


def order(client: str = "a", files: int = 1, key: str | None = None, content: str = "0", queue: Queue = "cpu") -> Order:
    uploads = tuple(Upload(Path(f"/uploads/{client}/{n}"), 1, content * 64) for n in range(files))
    return Order(client, "request", uploads, store=True, key=key, queue=queue)


def waiting(ledger: Ledger) -> int:
    return sum(queue.waiting for queue in ledger.figures().values())


def claim(ledger: Ledger) -> Task:
    task = ledger.claim()
    assert task is not None
    return task


def test_what_was_taken_in_is_told_as_it_came_in_by_another_process_too(ledger, open_another):
    identity, is_new = ledger.submit(order(files=2))
    assert is_new
    job = open_another().find(identity)
    assert job is not None and (job.state, job.stage, job.progress, job.position) == ("queued", "waiting", 0, 0)
    assert len(job.parts) == 2 and job.ended is None


def test_nobody_knows_a_job_that_is_none(ledger):
    assert ledger.find("0" * 32) is ledger.remove("0" * 32) is ledger.claim() is None
    assert waiting(ledger) == 0


def test_a_file_is_judged_once_however_many_ask_for_it(ledger):
    for _ in range(8):
        ledger.submit(order("a", 2))
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: claim(ledger), range(16)))
    assert len({(task.job, task.place) for task in taken}) == 16 and ledger.claim() is None


def test_clients_take_turns_however_many_files_one_of_them_sent(ledger):
    for _ in range(3):
        ledger.submit(order("greedy", 5))
    claim(ledger)
    for client in ("modest", "another"):
        ledger.submit(order(client, 2))
    clients = [str(claim(ledger).upload.path.parent.name) for _ in range(8)]
    assert clients == ["greedy", "modest", "another", "greedy", "modest", "another", "greedy", "greedy"]


def test_one_client_fills_half_of_the_queue_and_leaves_room_for_others(ledger):
    ledger.submit(order("greedy", MOST // 2))
    with pytest.raises(Busy):
        ledger.submit(order("greedy"))
    ledger.submit(order("modest", MOST // 4))
    with pytest.raises(Busy):
        ledger.submit(order("modest"))
    ledger.submit(order("another"))


def test_what_was_refused_leaves_nothing(ledger):
    with pytest.raises(Busy):
        ledger.submit(order(files=MOST))
    assert waiting(ledger) == 0 and ledger.submit(order(files=MOST // 2))[1]


@pytest.mark.parametrize(("waiting", "each", "runners", "seconds"), [(0, 2.0, 2, 1), (16, 0.01, 2, 1), (16, 2.0, 2, 8)])
def test_the_wait_that_is_told_is_that_of_half_the_backlog(waiting, each, runners, seconds):
    assert Backlog(waiting, 0, each).seconds_until_room(runners) == seconds


def test_the_wait_goes_by_how_long_files_took(embedded, tmp_path):
    ledger = embedded
    for _ in range(4):
        ledger.submit(order())
        ledger.finish(claim(ledger), DONE)
    with closing(sqlite3.connect(tmp_path / "jobs" / NAME)) as connection, connection:
        connection.execute("UPDATE tasks SET began = ended - 10")
    ledger.submit(order(files=16))
    with pytest.raises(Busy) as caught:
        ledger.submit(order())
    assert caught.value.retry_after == 40  # 8 files of 10 s by 2 runners


def test_in_a_fleet_the_wait_goes_by_how_many_are_judged_at_the_same_time(shared, redis_client):
    redis_client.rpush(f"{PREFIX}took:cpu", *[10.0] * 4)
    shared.submit(order("others", 2))
    claim(shared), claim(shared)
    shared.submit(order(files=16))
    with pytest.raises(Busy) as caught:
        shared.submit(order())
    assert caught.value.retry_after == 40  # 8 files of 10 s by 2 workers


def test_the_same_order_with_the_same_key_is_the_same_job(ledger):
    identity, _ = ledger.submit(order(key="k"))
    assert ledger.submit(order(key="k")) == (identity, False)
    assert ledger.submit(order())[0] != ledger.submit(order())[0]
    with pytest.raises(KeyReused):
        ledger.submit(order(key="k", content="1"))
    assert ledger.submit(order("b", key="k"))[1]  # another client's key is another key


def test_progress_is_told_while_it_is_made(ledger):
    identity, _ = ledger.submit(order(files=2))
    task, progress = claim(ledger), Progress()
    progress.enter("examining")
    progress.instants_expected = 4
    progress.count_instant()
    assert ledger.report(task, progress)
    job = ledger.find(identity)
    assert (job.state, job.stage, job.progress, job.position) == ("running", "examining", 0.125, 0)


@pytest.mark.parametrize(
    ("outcomes", "state"), [((DONE, DONE), "done"), ((DONE, FAILED), "done"), ((FAILED, FAILED), "failed")]
)
def test_a_job_ends_with_its_last_file(ledger, outcomes, state):
    identity, _ = ledger.submit(order(files=2))
    assert ledger.finish(claim(ledger), outcomes[0])
    assert ledger.find(identity).state == "running"
    assert ledger.finish(claim(ledger), outcomes[1])
    job = ledger.find(identity)
    assert (job.state, job.stage, job.progress, job.position) == (state, state, 1, None)
    assert tuple(part.outcome for part in job.parts) == outcomes and job.ended is not None


def test_a_cancelled_job_is_remembered_as_such_and_its_files_are_named(ledger):
    identity, _ = ledger.submit(order(files=3))
    ended, running = claim(ledger), claim(ledger)
    ledger.finish(ended, DONE)
    leftovers = ledger.remove(identity)
    assert len(leftovers.uploads) == 3 and leftovers.frames == ("a.jpg",) and leftovers.begun == (1,)
    assert list(leftovers.possible_frames) == list(islice(running.frame_names, MOST_FRAMES))
    assert not ledger.report(running, Progress()) and not ledger.finish(running, DONE)
    assert not ledger.release(running, counted=False) and waiting(ledger) == 0
    job = ledger.find(identity)
    assert job.state == "cancelled" and all(part.outcome is None for part in job.parts)
    assert ledger.remove(identity).frames == () and ledger.find(identity) is None


def test_a_job_that_has_ended_is_forgotten_when_it_is_removed(ledger):
    identity, _ = ledger.submit(order())
    ledger.finish(claim(ledger), DONE)
    assert ledger.remove(identity).frames == ("a.jpg",)
    assert ledger.find(identity) is None


def test_what_was_being_judged_when_the_process_ended_is_judged_again_and_counted(embedded, tmp_path):
    ledger = embedded
    ledger.submit(order(files=2))
    first, second = claim(ledger), claim(ledger)
    again = SqliteLedger(tmp_path / "jobs", MOST, runners=2)
    again.recover({(second.job, second.place)})
    task = claim(again)
    assert (task.job, task.place, task.attempt) == (first.job, first.place, 2)
    assert not ledger.finish(first, DONE)  # the attempt before knows nothing of it
    assert again.finish(task, DONE) and again.claim() is None
    again.close()


@pytest.mark.parametrize(("counted", "attempt"), [(True, 2), (False, 1)])
def test_what_was_given_back_waits_again(ledger, counted, attempt):
    ledger.submit(order())
    assert ledger.release(claim(ledger), counted=counted)
    assert claim(ledger).attempt == attempt


def test_jobs_are_forgotten_when_their_time_is_over_but_not_while_they_run(ledger):
    waiting, _ = ledger.submit(order("a"))
    running = claim(ledger)
    ended, _ = ledger.submit(order("b"))
    ledger.finish(claim(ledger), DONE)
    queued, _ = ledger.submit(order("c"))
    assert ledger.purge(50) == []
    forgotten = ledger.purge(-1)
    assert sorted(leftovers.frames for leftovers in forgotten) == [(), ("a.jpg",)]
    assert ledger.find(ended) is ledger.find(queued) is None
    assert ledger.find(waiting).state == "running" and ledger.finish(running, DONE)


def test_what_has_come_of_a_queue_is_told(ledger):
    ledger.submit(order(files=3))
    again = claim(ledger)
    ledger.release(again, counted=True)
    ledger.finish(claim(ledger), FAILED)
    claim(ledger)
    figures = ledger.figures()
    queue = figures.get("cpu") or figures[QUEUE]
    assert queue == QueueFigures(1, 1, queue.oldest, 1, queue.seconds, 1)
    assert 0 < queue.oldest < 10 and 0 < queue.seconds < 10


def test_what_is_meant_for_gpus_is_taken_by_workers_with_one_alone_and_first(shared, redis_client):
    without = RedisLedger(redis_client, MOST, RETENTION, ("cpu",))
    for queue in ("cpu", "gpu", "gpu"):
        shared.submit(order(queue, queue=queue))
    assert [claim(each).upload.path.parent.name for each in (without, shared)] == ["cpu", "gpu"]
    assert without.claim() is None and claim(shared).upload.path.parent.name == "gpu"


def test_a_file_whose_worker_is_not_heard_of_is_anothers_and_the_first_has_no_say(shared, redis_client):
    shared.submit(order())
    lost = claim(shared)
    assert shared.report(lost, Progress()) and shared.waiting("cpu") == 0
    (member,) = redis_client.zrange(f"{PREFIX}begun:cpu", 0, -1)
    redis_client.zadd(f"{PREFIX}begun:cpu", {member: 0})  # as if its time were over
    assert shared.waiting("cpu") == 1
    taken = claim(shared)
    assert taken.attempt == 2 and not shared.report(lost, Progress()) and not shared.finish(lost, FAILED)
    assert shared.finish(taken, DONE)


def test_what_is_told_twice_since_the_answer_was_lost_is_true_twice(shared, monkeypatch):
    monkeypatch.setattr("backend.jobs.redis_ledger.secrets.token_hex", lambda _: "0" * 32)
    assert shared.submit(order()) == shared.submit(order()) == ("0" * 32, True)
    task = claim(shared)
    assert shared.finish(task, DONE) and shared.finish(task, DONE) and shared.claim() is None
    assert shared.figures()["cpu"].ended == 1


def test_redis_itself_forgets_what_has_ended_but_nothing_that_waits(shared, redis_client):
    shared.submit(order(key="k"))
    assert {redis_client.ttl(name) for name in redis_client.scan_iter()} == {-1}
    shared.finish(claim(shared), DONE)
    ends = [name for name in redis_client.scan_iter() if redis_client.ttl(name) > RETENTION - 5]
    forgotten = {name.removeprefix(PREFIX).split(":")[0] for name in ends}
    assert forgotten == {"job", "task", "key"}


def test_a_job_that_was_removed_leaves_nothing_but_figures(shared, redis_client):
    for end in (False, True):
        identity, _ = shared.submit(order(files=2, key="k"))
        task = claim(shared)
        for one in (task, claim(shared)) if end else ():
            shared.finish(one, DONE)
        shared.remove(identity)
        shared.remove(identity)
    left = {name.removeprefix(PREFIX) for name in redis_client.scan_iter()}
    assert left == {"number", "took:cpu", "figures:cpu"}


def test_a_redis_that_cannot_be_reached_is_storage_that_failed(monkeypatch):
    monkeypatch.setattr("backend.jobs.redis_ledger.RETRIES", 1)
    with connect(f"redis://127.0.0.1:{free_port()}") as nobody, pytest.raises(StorageFailed):
        RedisLedger(nobody, MOST, RETENTION).submit(order())


def test_one_of_all_processes_does_what_is_to_be_done_once(shared, redis_client):
    other = RedisLedger(redis_client, MOST, RETENTION)
    assert [each.takes_turn("purge", 0.2) for each in (shared, other, shared)] == [True, False, False]
    wait_until(lambda: other.takes_turn("purge", 10), 5)


def test_a_folder_that_cannot_be_used_is_storage_that_failed(tmp_path):
    (tmp_path / "jobs").write_text("a file where a folder should be")
    with pytest.raises(StorageFailed):
        SqliteLedger(tmp_path / "jobs", MOST, runners=1).submit(order())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_damaged_file_is_storage_that_failed_and_is_closed_again(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / NAME).write_bytes(b"This is no database." * 100)
    before = open_files()
    with pytest.raises(StorageFailed):
        SqliteLedger(tmp_path / "jobs", MOST, runners=1).submit(order())
    assert open_files() == before


def test_a_ledger_that_is_dropped_closes_its_file(tmp_path):
    gc.collect()  # what other tests have dropped
    before = open_files()
    dropped = SqliteLedger(tmp_path / "jobs", MOST, runners=1)
    dropped.submit(order())
    assert open_files() > before
    del dropped
    gc.collect()
    assert open_files() == before


def test_other_users_of_the_machine_cannot_read_it(embedded, tmp_path):
    embedded.submit(order())
    assert (tmp_path / "jobs").stat().st_mode & 0o077 == 0
