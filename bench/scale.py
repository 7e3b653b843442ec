"""`make bench-scale`: what a fleet's scheduling costs, measured here, and what 1,000 uploads a second would take."""

from __future__ import annotations

import math
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis

from backend.config import ROOT
from bench.documents import publish
from tests.fleet import Worker
from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.redis_server import running_redis
from tests.server import Server, running_server, wait_until

JOBS = 100  # of one picture each, for every number of workers
WORKERS = (1, 2, 4)
VIDEOS = 20
MOST_OVERHEAD = 0.020  # seconds a job
UPLOADS_A_SECOND = 1000
DOCUMENT = ROOT / "docs" / "scale.md"
DAY = 24 * 3600
MONTH = 30 * DAY


@dataclass(frozen=True)
class Assumed:
    """What is not measured but chosen: prices are list prices of large clouds, rounded; put in your own."""

    videos: float = 0.5  # share of uploads, the rest are pictures
    upload_bytes: float = 2e6  # of a mean upload
    busy: float = 0.7  # share of its time for which a core is to be planned
    cores: int = 16  # of a machine
    outage: float = 60.0  # seconds for which uploads wait while workers are replaced
    retention: float = 3600.0
    core_hour: float = 0.04  # dollars
    gigabyte_month: float = 0.023
    million_writes: float = 5.0


@dataclass(frozen=True)
class Run:
    """Jobs of one picture each: seconds from the first to the last, those that each was judged, and others' share."""

    workers: int
    jobs: int
    seconds: float
    judged: float
    redis_seconds: float
    service_seconds: float

    @property
    def overhead(self) -> float:
        """Seconds of a worker's time, for each job, in which it did not judge."""
        return self.workers * self.seconds / self.jobs - self.judged


@dataclass(frozen=True)
class Kind:
    """What a file of some kind takes: seconds of a worker's, bytes and number of its frames."""

    seconds: float
    frame_bytes: float
    frames: float


def main() -> None:
    """Measure, tell, and write the document."""
    with tempfile.TemporaryDirectory() as folder:
        runs, video, picture = measure(Path(folder))
    body = describe(runs, video, picture, Assumed())
    print(body)
    publish(DOCUMENT, "scale", body)
    assert runs[0].overhead < MOST_OVERHEAD, runs[0]


def measure(folder: Path) -> tuple[list[Run], Kind, Kind]:
    """All runs, the first worker's with nobody beside it; then a video and a picture with their frames."""
    picture = write_picture(folder / "a.jpg", face_picture())
    clip = write_video(folder / "a.mp4", face_frames(60))
    uploads, frames = folder / "uploads", folder / "static"
    with ExitStack() as running:
        broker = running.enter_context(running_redis(folder))
        shared = {
            "DETECTOR_BROKER_URL": broker.url,
            "DETECTOR_UPLOAD_FOLDER": str(uploads),
            "DETECTOR_FRAME_FOLDER": str(frames),
            "DETECTOR_ANALYSES": "1",
            "DETECTOR_THREADS": "1",
            "DETECTOR_JOB_QUEUE": str(4 * JOBS),
        }
        server = running.enter_context(running_server(folder, **shared))
        server.wait_for("/readyz", 200)
        client = running.enter_context(redis.Redis.from_url(broker.url))
        workers: list[Worker] = []
        runs = []
        for number in WORKERS:
            while len(workers) < number:
                workers.append(Worker(folder / f"worker-{len(workers)}", **shared))
                running.callback(workers[-1].kill)
            for worker in workers:
                worker.wait_until_ready()
            runs.append(drain(server, client, workers, picture))
            print(f"{number} workers: {runs[-1]}", flush=True)
        for worker in workers[1:]:
            worker.kill()
        return runs, with_frames(server, frames, clip), with_frames(server, frames, picture)


def drain(server: Server, client: redis.Redis, workers: Sequence[Worker], path: Path) -> Run:
    """Let jobs wait while the workers are held, then time how they are judged."""
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    before = server_seconds(server)
    locations = [server.submit(path, store="false").headers["Location"] for _ in range(JOBS)]
    taken = server_seconds(server) - before
    used = redis_seconds(client)
    began = time.monotonic()
    for worker in workers:
        worker.signal(signal.SIGCONT)
    wait_until(lambda: ended(server, locations[-1]) and all(ended(server, one) for one in locations), 300)
    seconds = time.monotonic() - began
    used = redis_seconds(client) - used
    judged = [server.get(one).json()["results"][0]["body"]["details"]["timing_ms"]["total"] for one in locations]
    for location in locations:
        server.delete(location)
    return Run(len(workers), JOBS, seconds, statistics.mean(judged) / 1000, used / JOBS, taken / JOBS)


def with_frames(server: Server, folder: Path, path: Path) -> Kind:
    """The mean of some jobs of one file whose frames are stored."""
    locations = [server.submit(path).headers["Location"] for _ in range(VIDEOS)]
    for location in locations:
        wait_until(lambda location=location: ended(server, location), 60)
    bodies = [server.get(one).json()["results"][0]["body"] for one in locations]
    sizes = [frame.stat().st_size for frame in folder.glob("*.jpg")]
    for location in locations:
        server.delete(location)
    seconds = statistics.mean(body["details"]["timing_ms"]["total"] for body in bodies) / 1000
    return Kind(seconds, sum(sizes) / VIDEOS, len(sizes) / VIDEOS)


def ended(server: Server, location: str) -> bool:
    """Whether a job has its answer."""
    return server.get(location).json()["state"] == "done"


def redis_seconds(client: redis.Redis) -> float:
    """Processor seconds that Redis has used."""
    told = client.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def server_seconds(server: Server) -> float:
    """Processor seconds that a service has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def describe(runs: Sequence[Run], video: Kind, picture: Kind, assumed: Assumed) -> str:
    """The whole of what is measured, assumed, and worked out."""
    first = runs[0]
    lines = [
        f"Measured on {datetime.now(UTC).date().isoformat()}, 2 cores for everything, jobs of one picture each:",
        "",
    ]
    lines += ["| workers | jobs/s | judged, s each | overhead, ms each |", "| --- | --- | --- | --- |"]
    for run in runs:
        figures = f"{run.jobs / run.seconds:.1f} | {run.judged:.3f} | {1000 * run.overhead:.1f}"
        lines.append(f"| {run.workers} | {figures} |")
    lines += ["", *table("measured, for each job", measured_rows(first, video, picture))]
    lines += ["", *table("assumed", assumed_rows(assumed))]
    lines += ["", *table(f"for {UPLOADS_A_SECOND:,} uploads a second", worked_out(first, video, picture, assumed))]
    return "\n".join(lines)


def measured_rows(run: Run, video: Kind, picture: Kind) -> dict[str, str]:
    """What goes into the sum."""
    return {
        "a worker's time that is not judging": f"{1000 * run.overhead:.1f} ms",
        "a worker's time for a picture, its frames stored": f"{1000 * picture.seconds:.0f} ms",
        "the same for a video of 2.4 s": f"{1000 * video.seconds:.0f} ms",
        "processor time of a service to take a job in": f"{1000 * run.service_seconds:.1f} ms",
        "processor time of Redis": f"{1000 * run.redis_seconds:.2f} ms",
        "frames of a picture": f"{picture.frames:.0f}, {picture.frame_bytes / 1000:.0f} kB",
        "frames of that video": f"{video.frames:.0f}, {video.frame_bytes / 1000:.0f} kB",
    }


def assumed_rows(assumed: Assumed) -> dict[str, str]:
    """What does not come from a measurement."""
    return {
        "videos among uploads": f"{assumed.videos:.0%}",
        "bytes of a mean upload": f"{assumed.upload_bytes / 1e6:.1f} MB",
        "share of its time that a core is planned for": f"{assumed.busy:.0%}",
        "cores of a machine": str(assumed.cores),
        "workers away for, at the most": f"{assumed.outage:.0f} s",
        "frames are kept for": f"{assumed.retention:.0f} s",
        "a core for an hour": f"${assumed.core_hour}",
        "a gigabyte in the object store for a month": f"${assumed.gigabyte_month}",
        "a million writes to it": f"${assumed.million_writes}",
    }


def worked_out(run: Run, video: Kind, picture: Kind, assumed: Assumed) -> dict[str, str]:
    """Machines, queue, storage and cost."""

    def mean(of_video: float, of_picture: float) -> float:
        return assumed.videos * of_video + (1 - assumed.videos) * of_picture

    rate = UPLOADS_A_SECOND
    workers = rate * (mean(video.seconds, picture.seconds) + run.overhead) / assumed.busy
    services = rate * run.service_seconds / assumed.busy
    ledgers = math.ceil(rate * run.redis_seconds / assumed.busy)
    machines = math.ceil(workers / assumed.cores) + math.ceil(services / assumed.cores)
    waiting = rate * assumed.outage
    stored = waiting * assumed.upload_bytes
    frames = rate * assumed.retention * mean(video.frame_bytes, picture.frame_bytes)
    writes = rate * (1 + mean(video.frames, picture.frames))
    core_cost = (machines * assumed.cores + ledgers) * assumed.core_hour * 24
    storage_cost = (stored + frames) / 1e9 * assumed.gigabyte_month * DAY / MONTH
    write_cost = writes * DAY / 1e6 * assumed.million_writes
    return {
        "cores that judge": f"{workers:.0f}, in {math.ceil(workers / assumed.cores)} machines",
        "cores that take uploads in": f"{services:.0f}, in {math.ceil(services / assumed.cores)} machines",
        "fleets, each with a Redis of its own, clients spread over them by address": str(ledgers),
        "`DETECTOR_JOB_QUEUE` of each": f"{math.ceil(2 * waiting / ledgers):,}, twice what waits in an outage",
        "received": f"{rate * assumed.upload_bytes * 8 / 1e9:.0f} Gbit/s",
        "uploads stored in an outage": f"{stored / 1e9:,.0f} GB",
        "frames stored": f"{frames / 1e9:,.0f} GB, {writes:,.0f} writes a second with the uploads",
        "machines, a day": f"${core_cost:,.0f}",
        "storage, a day": f"${storage_cost:,.0f}",
        "writes, a day": f"${write_cost:,.0f}; with `store=false` ${rate * DAY / 1e6 * assumed.million_writes:,.0f}",
        "a thousand uploads": f"${(core_cost + storage_cost + write_cost) / (rate * DAY / 1000):.3f}",
    }


def table(title: str, rows: dict[str, str]) -> list[str]:
    """Two columns."""
    return [f"| {title} | |", "| --- | --- |", *(f"| {what} | {value} |" for what, value in rows.items())]


if __name__ == "__main__":
    main()
