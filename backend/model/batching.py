"""Crops of many requests to batches that fill a device, and the answers back to each request."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Queue
from time import monotonic
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend import metrics
from backend.domain import Pixels

BATCH_SIZES = (1, 8, 32, 128, 512)  # crops: a batch is filled up to one of these, since each is compiled once
FILL_SECONDS = 0.002  # that a batch waits for more requests while the device has nothing else to do
BATCHES_AHEAD = 2  # on a device: while one is computed the next is sent
JOBS_WAITING = 64  # requests; more wait in their own threads

Answer: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32] | None]


class Network(Protocol):
    """What a batch is run on; see `DeviceNetwork`."""

    def put(self, crops: Pixels) -> Any:
        """Send crops to the device."""
        ...

    def run(self, crops: Any) -> Any:
        """Judge what was sent."""
        ...

    def fetch(self, answer: Any, count: int) -> Answer:
        """Wait for the answers to the first `count` crops."""
        ...


@dataclass(frozen=True, eq=False)
class Job:
    """Crops of one request, no more than the largest batch, and the promise of their answer."""

    crops: Pixels
    answer: Future[Answer] = field(default_factory=Future)


@dataclass(frozen=True, eq=False)
class Sent:
    """A batch that a device is working on."""

    jobs: Sequence[Job]
    answer: Any


class Line:
    """Jobs that wait for a device, in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()

    def put(self, job: Job) -> None:
        """Wait for room, and queue up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._jobs) < JOBS_WAITING)
            self._jobs.append(job)
            self._changed.notify_all()

    def take(self, room: int, timeout: float | None = None) -> Job | None:
        """The first job when there is one; None if it has more crops than there is room, or none comes in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._jobs, timeout) or len(self._jobs[0].crops) > room:
                return None
            job = self._jobs.popleft()
            self._changed.notify_all()
            return job


class Batcher:
    """Runs whatever threads ask for in batches, each on the first of several equal networks that is free.

    Args:
        networks: one for each device.
        sizes: numbers of crops that a batch may have, rising.
    """

    def __init__(self, networks: Sequence[Network], sizes: Sequence[int] = BATCH_SIZES) -> None:
        self._sizes = tuple(sizes)
        self._line = Line()
        for network in networks:
            sent: Queue[Sent] = Queue()
            free = threading.Semaphore(BATCHES_AHEAD)
            threading.Thread(target=self._send, args=(network, sent, free), name="batch-sending", daemon=True).start()
            threading.Thread(target=_receive, args=(network, sent, free), name="batch-receiving", daemon=True).start()

    def predict(self, crops: Pixels) -> Answer:
        """Judge (n, 224, 224, 3) uint8 RGB crops together with those of other threads; see `Classifier.predict`."""
        largest = self._sizes[-1]
        jobs = [Job(crops[at : at + largest]) for at in range(0, len(crops), largest)]
        for job in jobs:
            self._line.put(job)
        answers = [job.answer.result() for job in jobs]
        maps = [logit_map for _, logit_map in answers if logit_map is not None]
        return np.concatenate([one for one, _ in answers]), np.concatenate(maps) if maps else None

    def _send(self, network: Network, sent: Queue[Sent], free: threading.Semaphore) -> None:
        """Gather batches and start them, as long as a device has room."""
        while True:
            free.acquire()
            jobs = self._gather()
            try:
                sent.put(Sent(jobs, network.run(network.put(self._stack(jobs)))))
            except Exception as error:  # a device fails in its own ways: those who wait for it must hear of each
                free.release()
                _fail(jobs, error)

    def _gather(self) -> list[Job]:
        """The first job when there is one, and those that come soon after it, as many as a batch holds."""
        jobs: list[Job] = []
        room = self._sizes[-1]
        until = None
        while room:
            job = self._line.take(room, None if until is None else max(0.0, until - monotonic()))
            if job is None:
                break
            until = until or monotonic() + FILL_SECONDS
            jobs.append(job)
            room -= len(job.crops)
        return jobs

    def _stack(self, jobs: Sequence[Job]) -> Pixels:
        """The crops of jobs, filled up with black ones to the next size."""
        count = sum(len(job.crops) for job in jobs)
        metrics.NETWORK_BATCH.observe(count)
        size = next(size for size in self._sizes if size >= count)
        if len(jobs) == 1 and count == size:
            return jobs[0].crops
        filling = np.zeros((size - count, *jobs[0].crops.shape[1:]), np.uint8)
        return np.concatenate([*(job.crops for job in jobs), filling])


def _receive(network: Network, sent: Queue[Sent], free: threading.Semaphore) -> None:
    """Wait for a device and give each job its part of the answer."""
    while True:
        batch = sent.get()
        try:
            probabilities, maps = network.fetch(batch.answer, sum(len(job.crops) for job in batch.jobs))
        except Exception as error:  # as above
            _fail(batch.jobs, error)
            continue
        finally:
            free.release()
        start = 0
        for job in batch.jobs:
            end = start + len(job.crops)
            job.answer.set_result((probabilities[start:end], None if maps is None else maps[start:end]))
            start = end


def _fail(jobs: Sequence[Job], error: Exception) -> None:
    for job in jobs:
        job.answer.set_exception(error)
