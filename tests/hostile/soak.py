"""`make soak`: many clients send good and bad files for minutes while workers are killed; nothing may be left over."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles

import requests

from backend.config import ROOT
from bench.documents import publish
from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.hostile.files import Case, all_cases
from tests.hostile.slow import DRIPPED, HALF_OPEN, begun_bodies, dripping, half_open, open_files
from tests.server import Server, running_server, wait_until

CLIENTS = 64
SECONDS = 120
KILL_SECONDS = 15  # between two workers that are killed
SAMPLE_SECONDS = 10
PROBE_PAUSE = 0.05  # seconds
SLOW_SECONDS = 8  # in which slow clients are borne; half-open connections are closed soon after
MOST_OPEN = 1024  # files of this process
PROBE_MILLISECONDS = 100  # allowed of 99 in a hundred probes
SHOWN = 10  # samples of memory in the table, evenly spread
SETTLE_SECONDS = 20  # in which the last requests end and a killed worker is replaced
GROWTH_MEGABYTES = (
    40  # allowed in the second half, when caches and pools are filled; the heap's own noise was half of it
)
BAD_FILES = 60
SHORT_LIVED = {"DETECTOR_RETENTION": "20", "DETECTOR_PURGE_INTERVAL": "5"}


@dataclass
class Record:
    """What was seen: answers by status, what was wrong, probes in seconds, memory in megabytes."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    probes_besieged: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    killed: int = 0


@dataclass(frozen=True)
class Holdings:
    """What the service holds of its machine: descriptors, processes, and files that are no frames."""

    descriptors: int
    processes: int
    files: int

    def exceed(self, others: Holdings) -> bool:
        """Whether there is more of anything than there was."""
        return self.descriptors > others.descriptors or self.processes > others.processes or self.files > others.files


def main() -> int:
    """Run it against a service of its own; the exit status says whether all was well."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seconds", type=int, default=SECONDS)
    seconds = ask.parse_args().seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), **SHORT_LIVED) as server,
        open_files(MOST_OPEN),
    ):
        server.wait_for("/readyz", 200)
        record, before, after = soak(server, files(Path(folder)), CLIENTS, seconds)
    growth = record.megabytes[-1] - record.megabytes[len(record.megabytes) // 2]
    faults = [*record.faults]
    if growth > GROWTH_MEGABYTES:
        faults.append(f"memory grew by {growth:.0f} MB in the second half")
    if after.exceed(before):
        faults.append(f"left over: {after}, before {before}")
    for when, probes in (("under load", record.probes), ("beside slow clients", record.probes_besieged)):
        slow = 1000 * quantiles(probes, n=100)[98]
        if slow > PROBE_MILLISECONDS:
            faults.append(f"of the health probes {when} one in a hundred took {slow:.0f} ms or longer")
    text = report(record, seconds, before, after, faults)
    print(text)
    publish(ROOT / "SECURITY.md", "soak", text)
    return 1 if faults else 0


def files(folder: Path) -> list[Case]:
    """Good files, and as many bad ones of every kind, seeded."""
    pictures = [write_picture(folder / name, face_picture()) for name in ("a.jpg", "a.png")]
    videos = [write_video(folder / f"{count}.mp4", face_frames(count)) for count in (20, 60)]
    good = [Case(path.name, path.name, path.read_bytes(), frozenset()) for path in (*pictures, *videos)]
    return good * (BAD_FILES // 8) + random.Random(0).sample(list(all_cases(0)), BAD_FILES)


def soak(server: Server, cases: Sequence[Case], clients: int, seconds: float) -> tuple[Record, Holdings, Holdings]:
    """Let clients loose; what they saw, and what the service held before and after."""
    record, over = Record(), threading.Event()
    first = requests.post(server.url + "/predict", files={"file": (cases[0].filename, cases[0].data)}, timeout=60)
    assert first.status_code == 200, first.text
    before = holdings(server)
    with ThreadPoolExecutor(clients + 2) as pool, ProcessPoolExecutor(1, get_context("spawn")) as processes:
        with half_open(server.url), begun_bodies(server.url) as begun, dripping(begun):
            record.probes_besieged = processes.submit(probe, server.url, SLOW_SECONDS).result()
        probes = processes.submit(probe, server.url, seconds)
        tasks = [pool.submit(client, server.url, cases, place, over, record) for place in range(clients)]
        tasks += [pool.submit(watch, server, over, record) for watch in (sample_memory, kill_workers)]
        over.wait(seconds)
        over.set()
        for task in tasks:
            task.result()
        record.probes = probes.result()
    with contextlib.suppress(AssertionError):  # what is left over then is reported
        wait_until(lambda: not holdings(server).exceed(before), SETTLE_SECONDS)
    return record, before, holdings(server)


def client(url: str, cases: Sequence[Case], seed: int, over: threading.Event, record: Record) -> None:
    """Send one file after the other, and wait when told to."""
    choice = random.Random(seed)
    while not over.is_set():
        case = choice.choice(cases)
        try:
            answer = requests.post(url + "/predict", files={"file": (case.filename, case.data)}, timeout=90)
            record.statuses[answer.status_code] += 1
            if not (answer.status_code in (200, 503) or 400 <= answer.status_code < 500):
                record.faults.append(f"{case.name}: {answer.status_code} {answer.text[:200]}")
            if answer.status_code == 503:
                over.wait(float(answer.headers["Retry-After"]))
        except requests.RequestException as error:
            record.faults.append(f"{case.name}: {type(error).__name__}")


def probe(url: str, seconds: float) -> list[float]:
    """Ask a health probe for so long; the seconds that each answer took.

    In a process of its own: beside the clients' threads it would wait for these, not for the service.
    """
    taken: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        assert requests.get(url + "/livez", timeout=30).status_code == 200
        taken.append(time.monotonic() - start)
        time.sleep(PROBE_PAUSE)
    return taken


def sample_memory(server: Server, over: threading.Event, record: Record) -> None:
    """Note what the service holds of memory, without its workers, which come and go."""
    while not over.wait(SAMPLE_SECONDS):
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        record.megabytes.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)


def kill_workers(server: Server, over: threading.Event, record: Record) -> None:
    """Kill a worker now and then, busy or not."""
    while not over.wait(KILL_SECONDS):
        os.kill(random.Random(record.killed).choice(server.workers()), signal.SIGKILL)
        record.killed += 1


def holdings(server: Server) -> Holdings:
    """What the service holds now."""
    return Holdings(
        descriptors=len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())),
        processes=len(server.children()),
        files=len(list(server.uploads.glob("upload-*"))) + len(list(server.static.glob("*.part"))),
    )


def report(record: Record, seconds: int, before: Holdings, after: Holdings, faults: Sequence[str]) -> str:
    """The figures as a table."""
    places = [round(part * (len(record.megabytes) - 1) / (SHOWN - 1)) for part in range(SHOWN)]
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(record.statuses.items()))
    rows = [
        ("answers", f"{sum(record.statuses.values())}: {statuses}"),
        ("anything else than 200, 4xx or 503", f"{len(record.faults)}"),
        ("workers killed meanwhile", f"{record.killed}"),
        ("health probe, median, 99th percentile, slowest", told(record.probes)),
        (
            f"the same beside {HALF_OPEN} half-open connections and {DRIPPED} dripped uploads",
            told(record.probes_besieged),
        ),
        (
            f"memory of the service after {', '.join(str((at + 1) * SAMPLE_SECONDS) for at in places)} s",
            f"{', '.join(f'{record.megabytes[at]:.0f}' for at in places)} MB",
        ),
        ("open descriptors before, after", f"{before.descriptors}, {after.descriptors}"),
        ("worker processes before, after", f"{before.processes}, {after.processes}"),
        ("uploads and unfinished frames left over", f"{after.files}"),
    ]
    lines = [
        f"Measured on {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}: {CLIENTS} clients, {seconds} s.",
        "",
        "| what | measured |",
        "| --- | --- |",
        *(f"| {what} | {measured} |" for what, measured in rows),
        *(f"\n**Fault:** {fault}" for fault in faults[:10]),
    ]
    return "\n".join(lines)


def told(probes: Sequence[float]) -> str:
    """Median, 99th percentile and maximum of what probes took."""
    milliseconds = [1000 * seconds for seconds in probes]
    median, late = quantiles(milliseconds, n=2)[0], quantiles(milliseconds, n=100)[98]
    return f"{median:.0f}, {late:.0f}, {max(milliseconds):.0f} ms of {len(milliseconds)}"


if __name__ == "__main__":
    sys.exit(main())
