"""Crops of many requests to batches that fill a device, and the answers back to each request."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from queue import Queue
from time import monotonic
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend import metrics
from backend.domain import Pixels
from backend.errors import NotReady
from backend.model.classifier import NONE_LEFT

logger = logging.getLogger(__name__)

BATCH_SIZES = (1, 8, 32, 128, 512)  # crops: a batch is filled up to one of these, since each is compiled once
FILL_SECONDS = 0.002  # that a batch waits for more requests while the device has nothing else to do
BATCHES_AHEAD = 2  # on a device: while one is computed the next is sent
JOBS_WAITING = 64  # requests; more wait in their own threads
MOST_FAILURES = 2  # of a job, on as many devices
SILENT_SECONDS = 30.0  # after which a device that has not answered counts as failed; the largest batch takes 0.02
FAILED_AGAIN = "The devices that were to judge this have failed; try again in a few seconds."

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


@dataclass(eq=False)
class Job:
    """Crops of one request, no more than the largest batch, and the promise of their answer, broken so many times.

    A device that was given up for its silence may still answer, when another has or nobody will: the first word counts.
    """

    crops: Pixels
    answer: Future[Answer] = field(default_factory=Future)
    failures: int = 0
    device: Device | None = None  # that has it, if any
    sent_at: float = 0.0

    def settle(self, answer: Answer) -> None:
        """Keep the promise."""
        with contextlib.suppress(InvalidStateError):
            self.answer.set_result(answer)

    def disappoint(self, error: NotReady) -> None:
        """Say that it cannot be kept."""
        with contextlib.suppress(InvalidStateError):
            self.answer.set_exception(error)


@dataclass(frozen=True, eq=False)
class Sent:
    """A batch that a device is working on."""

    jobs: Sequence[Job]
    answer: Any


@dataclass(eq=False)
class Device:
    """A network with the batches that were sent to it; once it has failed, it gets no more."""

    network: Network
    sent: Queue[Sent] = field(default_factory=Queue)
    free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(BATCHES_AHEAD))
    failed: bool = False


class Line:
    """Jobs that wait for a device, in the order in which they came, until there is none left that could take them."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        """Wait for room, and queue up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._jobs) < JOBS_WAITING)
            self._add(job)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Let jobs that were taken go first."""
        with self._changed:
            for job in reversed(jobs):
                self._add(job, first=True)

    def _add(self, job: Job, first: bool = False) -> None:
        if self._closed:
            job.disappoint(NotReady(NONE_LEFT))
        elif first:
            self._jobs.appendleft(job)
        else:
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

    def close(self) -> None:
        """Tell all who wait, and all who will come, that there is nothing to wait for."""
        with self._changed:
            self._closed = True
            waiting, self._jobs = self._jobs, deque()
            for job in waiting:
                self._add(job)


class Batcher:
    """Runs whatever threads ask for in batches, each on the first of several equal networks that is free.

    A device that fails or falls silent is given up, and others do its work; a GPU's faults stay until its process ends.

    Args:
        networks: one for each device.
        sizes: numbers of crops that a batch may have, rising.
    """

    def __init__(self, networks: Sequence[Network], sizes: Sequence[int] = BATCH_SIZES) -> None:
        self._sizes = tuple(sizes)
        self._line = Line()
        self._devices = [Device(network) for network in networks]
        self._failing = threading.Lock()
        for device in self._devices:
            threading.Thread(target=self._send, args=(device,), name="batch-sending", daemon=True).start()
            threading.Thread(target=self._receive, args=(device,), name="batch-receiving", daemon=True).start()

    @property
    def failed(self) -> bool:
        """Whether there is no device left that could judge."""
        return all(device.failed for device in self._devices)

    def predict(self, crops: Pixels) -> Answer:
        """Judge (n, 224, 224, 3) uint8 RGB crops together with those of other threads; see `Classifier.predict`.

        Raises:
            NotReady: the devices failed.
        """
        largest = self._sizes[-1]
        jobs = [Job(crops[at : at + largest]) for at in range(0, len(crops), largest)]
        for job in jobs:
            self._line.put(job)
        answers = [self._wait(job) for job in jobs]
        maps = [logit_map for _, logit_map in answers if logit_map is not None]
        return np.concatenate([one for one, _ in answers]), np.concatenate(maps) if maps else None

    def _wait(self, job: Job) -> Answer:
        """The answer to a job, be it from another device where one says nothing."""
        while True:
            try:
                return job.answer.result(SILENT_SECONDS)
            except TimeoutError as error:
                if job.device and monotonic() - job.sent_at >= SILENT_SECONDS:
                    self._give_up(job.device, [job], error)

    def _send(self, device: Device) -> None:
        """Gather batches and start them, as long as a device has room and works."""
        while True:
            device.free.acquire()
            jobs = self._gather()
            if device.failed:
                self._line.put_back(jobs)
                return
            for job in jobs:
                job.device, job.sent_at = device, monotonic()
            try:
                device.sent.put(Sent(jobs, device.network.run(device.network.put(self._stack(jobs)))))
            except Exception as error:  # a device fails in its own ways, each of which ends its work
                self._give_up(device, jobs, error)
                return

    def _receive(self, device: Device) -> None:
        """Wait for a device and give each job its part of the answer."""
        while True:
            batch = device.sent.get()
            try:
                count = sum(len(job.crops) for job in batch.jobs)
                probabilities, maps = device.network.fetch(batch.answer, count)
            except Exception as error:  # as above; what was sent before may yet be answered
                self._give_up(device, batch.jobs, error)
                continue
            finally:
                device.free.release()
            start = 0
            for job in batch.jobs:
                end = start + len(job.crops)
                job.settle((probabilities[start:end], None if maps is None else maps[start:end]))
                start = end

    def _give_up(self, device: Device, jobs: Sequence[Job], error: Exception) -> None:
        """Send a device no more, and its jobs to others: not to all of them, should a job be what makes them fail."""
        with self._failing:
            if not device.failed:
                device.failed = True
                metrics.FAILED_DEVICES.inc()
                left = sum(not one.failed for one in self._devices)
                logger.error("a device failed and judges no more", exc_info=error, extra={"devices_left": left})
            if self.failed:
                self._line.close()
        for job in jobs:
            job.failures += 1
            job.device = None
        hopeless = [job for job in jobs if job.failures >= MOST_FAILURES]
        self._line.put_back([job for job in jobs if job not in hopeless])
        for job in hopeless:
            job.disappoint(NotReady(FAILED_AGAIN))

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
