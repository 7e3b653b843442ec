"""A whole fleet on this machine, of which now this and now that is killed while it judges."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
import requests

from backend.jobs.redis_ledger import PREFIX
from tests.fleet import ObjectStore, Worker, running_store
from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.redis_server import RedisServer, running_redis
from tests.server import Server, running_server, wait_until

SERVICES, WORKERS, SENDERS = 2, 3, 4
ENDED = ("done", "failed", "cancelled")
FIGURES = ("number", "took:", "figures:", "turn:", "_kombu.binding")  # what Redis keeps when there is no job any more
SEND_AGAIN_SECONDS = 0.5
LOOK_SECONDS = 0.5
END_SECONDS = 900  # of a machine that has much else to do
ENDED_TOTAL = "detector_job_files_ended_total"
FOLDERS = ("uploads", "static", "jobs", "tmp")


@dataclass(frozen=True)
class Fleet:
    """All its processes, and the folder with those of each."""

    folder: Path
    redis: RedisServer
    store: ObjectStore
    services: list[Server]
    workers: list[Worker]


@dataclass(frozen=True)
class Kills:
    """What is killed: workers and Redis so often at the most, after so many seconds each, and Redis is away so long.

    And not before so many more jobs have ended: so a job is as likely to be hit on a slow machine as on a fast one.
    """

    workers: int
    redis: int
    pause: tuple[float, float]
    away: tuple[float, float]
    jobs: int = 0
    one_by_one: bool = False  # whether a worker is ready again before anything else is killed


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    jobs: int
    seconds: float
    worker_kills: int
    redis_kills: int
    retries: int
    refused: int
    waits: tuple[float, ...]  # seconds from taking a job in to its end, sorted


@contextmanager
def running_fleet(folder: Path, **settings: str) -> Iterator[Fleet]:
    """Start all of it, one file at a time for each worker, and end it."""
    with ExitStack() as running:
        server = running.enter_context(running_redis(_made(folder / "redis")))
        store = running.enter_context(running_store(_made(folder / "store")))
        common = {
            "DETECTOR_BROKER_URL": server.url,
            **store.settings,
            "DETECTOR_ANALYSES": "1",
            "DETECTOR_THREADS": "1",
            "DETECTOR_PURGE_INTERVAL": "1",
            **settings,
        }
        names = [f"service-{n}" for n in range(SERVICES)]
        services = [
            running.enter_context(
                running_server(_made(folder / name), **common, TMPDIR=str(_made(folder / name / "tmp")))
            )
            for name in names
        ]
        services[0].wait_for("/readyz", 200)  # it has converted the model, if need be, and the others find that
        workers = []
        for number in range(WORKERS):
            home = folder / f"worker-{number}"
            workers.append(Worker(home, **common))
            running.callback(workers[-1].kill)
        for ready in workers:
            ready.wait_until_ready()
        services[1].wait_for("/readyz", 200)
        yield Fleet(folder, server, store, services, workers)


def try_out(fleet: Fleet, jobs: int, kills: Kills, seed: int) -> Trial:
    """Send jobs while parts of the fleet are killed; each has to end once, with the answer that `/predict` gives."""
    chance = random.Random(seed)
    files = _files(fleet.folder)
    answers = [fleet.services[0].predict(path, store="false").json() for path in files]
    before = counted(fleet)
    chosen = [chance.randrange(len(files)) for _ in range(jobs)]
    with _killing(fleet, kills, seed) as killed, ThreadPoolExecutor(SENDERS) as senders:
        began = time.monotonic()
        sent = list(senders.map(lambda place: _send(fleet, str(place), files[chosen[place]]), range(jobs)))
        bodies = list(senders.map(lambda one: _answer(fleet, one), sent))
        seconds = time.monotonic() - began
    assert len({one.location for one in sent}) == jobs
    wrong = [body for place, body in zip(chosen, bodies, strict=True) if facts(body) != facts(answers[place])]
    assert not wrong, wrong
    told_of = {name for body in bodies for name in frames_of(body)}
    assert {name for name in fleet.store.names() if name.startswith("frames/")} == told_of
    told = counted(fleet)
    assert told[ENDED_TOTAL] - before[ENDED_TOTAL] == jobs
    assert told["detector_job_files_waiting"] == told["detector_job_files_running"] == 0
    waits = _waits(fleet)
    for one in sent:
        assert fleet.services[1].delete(one.location).status_code == 200
    return Trial(
        jobs=jobs,
        seconds=seconds,
        worker_kills=killed["worker"],
        redis_kills=killed["redis"],
        retries=int(told["detector_job_retries_total"] - before["detector_job_retries_total"]),
        refused=sum(one.refused for one in sent),
        waits=waits,
    )


def leftovers(fleet: Fleet) -> list[str]:
    """What is left when all jobs were deleted: objects, files of any process, keys that are no figures."""
    homes = [server.uploads.parent for server in fleet.services] + [worker.folder for worker in fleet.workers]
    files = [path for home in homes for kind in FOLDERS for path in (home / kind).rglob("*") if path.name[0] != "."]
    with redis.Redis.from_url(fleet.redis.url, decode_responses=True) as client:
        keys = [name for name in client.scan_iter() if not name.removeprefix(PREFIX).startswith(FIGURES)]
    return [*fleet.store.names(), *map(str, files), *keys]


def facts(body: dict) -> tuple[object, ...]:
    """What two answers to one file have in common."""
    return tuple(body.get(name) for name in ("status", "code", "prediction", "confidence", "anomalies"))


def frames_of(body: dict) -> list[str]:
    """Names of the objects that an answer names."""
    frames = body["details"]["frames"] if body["status"] == "success" else ()
    urls = [url for frame in frames for url in (frame["annotated_url"], frame["plain_url"])]
    return [f"frames/{url.removeprefix('/static/')}" for url in urls]


@dataclass(frozen=True)
class _Sent:
    """A job: where to ask for it, and how often it was not taken in."""

    location: str
    refused: int


def _send(fleet: Fleet, key: str, path: Path) -> _Sent:
    """Send a job until a service takes it, now to one, now to another."""
    for refused in itertools.count():
        with contextlib.suppress(requests.RequestException):
            response = fleet.services[(int(key) + refused) % SERVICES].submit(path, key=key)
            if response.status_code == 202:
                return _Sent(response.headers["Location"], refused)
            assert response.status_code == 503, response.text
        threading.Event().wait(SEND_AGAIN_SECONDS)
    raise AssertionError


def _answer(fleet: Fleet, sent: _Sent) -> dict:
    def ended() -> dict | None:
        response = fleet.services[0].get(sent.location)
        assert response.status_code in (200, 503), response.text
        job = response.json()
        return job if job.get("state") in ENDED else None

    (result,) = wait_until(ended, END_SECONDS)["results"]
    return result["body"]


def _waits(fleet: Fleet) -> tuple[float, ...]:
    """Seconds that each job took from being taken in to its end, by Redis' clock."""
    with redis.Redis.from_url(fleet.redis.url) as client:
        times = [client.hmget(name, "came", "ended") for name in client.scan_iter(f"{PREFIX}task:*")]
    return tuple(sorted(float(ended) - float(came) for came, ended in times))


@contextmanager
def _killing(fleet: Fleet, kills: Kills, seed: int) -> Iterator[Counter[str]]:
    """Kill and start anew, in a thread, as long as the block lasts; what was killed how often."""
    killed: Counter[str] = Counter()
    over = threading.Event()
    chance = random.Random(seed)

    def kill() -> None:
        victims = ["worker"] * kills.workers + ["redis"] * kills.redis
        chance.shuffle(victims)
        for victim in victims:
            enough = counted(fleet).get(ENDED_TOTAL, 0) + kills.jobs
            pause = chance.uniform(*kills.pause)
            while not over.wait(pause) and counted(fleet).get(ENDED_TOTAL, 0) < enough:
                pause = LOOK_SECONDS
            if over.is_set():
                return
            killed[victim] += 1
            if victim == "worker":
                worker = chance.choice(fleet.workers)
                worker.kill()
                worker.start()
                if kills.one_by_one:
                    worker.wait_until_ready()
            else:
                fleet.redis.kill()
                threading.Event().wait(chance.uniform(*kills.away))
                fleet.redis.start()

    with ThreadPoolExecutor(1) as killer:
        done = killer.submit(kill)
        try:
            yield killed
        finally:
            over.set()
            done.result()


def counted(fleet: Fleet) -> dict[str, float]:
    """What the services count of the one queue that is used."""
    text = fleet.services[1].get("/metrics").text
    return {name: float(value) for name, value in re.findall(r'^(\w+)\{queue="cpu"\} (\S+)$', text, re.MULTILINE)}


def _files(folder: Path) -> list[Path]:
    """Pictures mostly, a video, and one that nobody can open."""
    face = face_picture()
    faces = (face, face[:, ::-1], face[64:448, 64:448])
    pictures = [write_picture(folder / f"{n}.jpg", pixels) for n, pixels in enumerate(faces)]
    damaged = folder / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    return [*pictures, write_video(folder / "clip.mp4", face_frames(40)), damaged]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
