"""`make bench-killed`: after how long a job is begun again whose worker was killed, here and by Celery alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import celery
import redis

from backend.config import ROOT
from backend.jobs.crew import ROUND_SECONDS
from backend.jobs.redis_ledger import LEASE_SECONDS, PREFIX
from bench.documents import publish
from tests.fleet import Worker
from tests.generators import face_frames, write_video
from tests.redis_server import RedisServer, running_redis
from tests.server import running_server, wait_until

KILLS = 3
VISIBILITY_SECONDS = 20  # an hour by default
TASK, TASK_SECONDS = "hold", 5.0
BEGUN = "begun"  # process ids of those that have begun the task
MOST_SECONDS = 300
DOCUMENT = ROOT / "docs" / "fleet.md"


def main() -> None:
    """Kill, tell, and write the document."""
    with tempfile.TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        here = after_kills_here(Path(folder), server)
        alone = [after(partial(after_kill_of_celery, server, pool)) for pool in ("threads", "prefork")]
    body = describe(here, *alone)
    print(body)
    publish(DOCUMENT, "killed", body)


def describe(here: list[float], whole: list[float], child: list[float]) -> str:
    """What was measured, as a table."""
    engine = f"Celery {celery.__version__} with Redis alone, late acknowledgement"
    rows = (
        ("here", f"the rest of a lease of {LEASE_SECONDS:.0f} s, and of a round of {ROUND_SECONDS:.0f} s", here),
        (f"{engine}, a worker killed whole", f"`visibility_timeout`, here {VISIBILITY_SECONDS} s", whole),
        ("the same, a child of a pool of processes killed", "its parent, which lives, gives it back", child),
    )
    day = datetime.now(UTC).date().isoformat()
    lines = [f"| whose job is begun again | by what is set | measured on {day}, {KILLS} kills |", "| --- | --- | --- |"]
    lines += [f"| {what} | {setting} | {min(times):.1f} to {max(times):.1f} s |" for what, setting, times in rows]
    return "\n".join(lines)


def after(kill: Callable[[], float]) -> list[float]:
    """Seconds after each of some kills."""
    return [kill() for _ in range(KILLS)]


def after_kills_here(folder: Path, server: RedisServer) -> list[float]:
    """Seconds from the kill of a worker to the next attempt at its file, by another worker that has nothing to do."""
    clip = write_video(folder / "slow.mp4", face_frames(250, 720, 1280), key_every=250)
    shared = {"DETECTOR_BROKER_URL": server.url, "DETECTOR_ANALYSES": "1", "DETECTOR_THREADS": "1"}
    shared |= {f"DETECTOR_{kind}_FOLDER": str(folder / kind) for kind in ("UPLOAD", "FRAME")}
    with ExitStack() as running:
        service = running.enter_context(running_server(folder, **shared))
        service.wait_for("/readyz", 200)
        client = running.enter_context(redis.Redis.from_url(server.url))
        victim, other = workers = [Worker(folder / f"worker-{number}", **shared) for number in range(2)]
        for worker in workers:
            running.callback(worker.kill)

        def kill() -> float:
            for worker in workers:
                worker.wait_until_ready()
            other.signal(signal.SIGSTOP)
            location = service.submit(clip).headers["Location"]
            wait_until(lambda: service.get(location).json()["state"] == "running", MOST_SECONDS)
            other.signal(signal.SIGCONT)
            victim.kill()
            killed = time.monotonic()
            task = f"{PREFIX}task:{Path(location).name}:0"
            wait_until(lambda: client.hget(task, "attempt") == b"2", MOST_SECONDS)
            seconds = time.monotonic() - killed
            victim.start()
            service.delete(location)
            return seconds

        return after(kill)


def after_kill_of_celery(server: RedisServer, pool: str) -> float:
    """Seconds from the kill of the process that has begun a task to its next beginning, another worker being there."""
    with redis.Redis.from_url(server.url) as client, _celery_workers(server.url, pool):
        client.flushall()
        _celery(server.url).send_task(TASK)
        (victim,) = wait_until(lambda: client.lrange(BEGUN, 0, -1), MOST_SECONDS)
        os.kill(int(victim), signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: client.llen(BEGUN) == 2, MOST_SECONDS)
        return time.monotonic() - killed


@contextmanager
def _celery_workers(url: str, pool: str) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(url, pool)) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def _celery(url: str) -> celery.Celery:
    app = celery.Celery("killed", broker=url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    )
    return app


def _work(url: str, pool: str) -> None:
    """Be a worker whose task says that it has begun, and takes its time."""
    app = _celery(url)

    def hold() -> None:
        with redis.Redis.from_url(url) as client:
            client.rpush(BEGUN, os.getpid())
        threading.Event().wait(TASK_SECONDS)

    app.task(hold, name=TASK)
    app.Worker(pool=pool, concurrency=1, quiet=True, loglevel="ERROR").start()


if __name__ == "__main__":
    main()
