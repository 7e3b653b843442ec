"""What a job is: files that one client sent together, to be judged when there is time, and what became of each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from backend.media.instants import MOST_INSTANTS
from backend.progress import State as Stage
from backend.store.frames import derived_names
from backend.store.uploads import Upload

Queue = Literal["cpu", "gpu"]  # of files that any worker takes, and of those meant for workers with a GPU
JobState = Literal["queued", "running", "done", "failed", "cancelled"]

MOST_FRAMES = 2 * MOST_INSTANTS  # of a file: with the drawing and without
UNMEASURED_SECONDS = 2.0  # that a file takes before any was judged
# At a file, each cut off by the end of its process or by a want that may pass. `make test-fleet` kills workers so often
# that one job in some hundreds loses three by chance alone.
ATTEMPTS = 5


@dataclass(frozen=True)
class Order:
    """What a client asks for: its files, whether their frames are stored, and its word for this very order, if any.

    `queue` is for workers on other machines alone: the service itself takes all files alike.
    """

    client: str
    request_id: str
    uploads: tuple[Upload, ...]
    store: bool
    key: str | None
    queue: Queue = "cpu"

    @property
    def fingerprint(self) -> str:
        """The same for the same contents and wishes, whatever the files are called."""
        wishes = [str(self.store), *(upload.sha256 for upload in self.uploads)]
        return hashlib.sha256(" ".join(wishes).encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """A file of a job that somebody has begun to judge, for the `attempt`th time."""

    job: str
    place: int
    attempt: int
    request_id: str
    upload: Upload
    store: bool

    @property
    def frame_names(self) -> Iterator[str]:
        """Those that its frames get, in whatever attempt."""
        return derived_names(self.job, self.place)


@dataclass(frozen=True)
class Outcome:
    """What `/predict` would have answered: the status and the body, in JSON; and the frames that are stored for it."""

    status: int
    body: str
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A file of a job, and how far it is; `progress` from 0 to 1."""

    state: JobState
    stage: Stage
    progress: float
    outcome: Outcome | None


@dataclass(frozen=True)
class Job:
    """A job as it is now: times in seconds since the epoch, and how many files are taken before its next one."""

    created: float
    ended: float | None
    position: int | None
    parts: tuple[Part, ...]

    @property
    def state(self) -> JobState:
        """Done if any of its files could be judged, failed if none could."""
        states = {part.state for part in self.parts}
        if "cancelled" in states:
            return "cancelled"
        if "queued" in states:
            return "queued" if len(states) == 1 else "running"
        for state in ("running", "done"):
            if state in states:
                return state
        return "failed"

    @property
    def stage(self) -> Stage:
        """That of the first file which is being judged; else it waits, or has ended."""
        if self.state == "queued":
            return "waiting"
        if self.state == "running":
            return next((part.stage for part in self.parts if part.state == "running"), "waiting")
        return self.state

    @property
    def progress(self) -> float:
        """From 0 to 1, every file counting alike."""
        return sum(part.progress for part in self.parts) / len(self.parts)


@dataclass(frozen=True)
class Leftovers:
    """What lies about of a job that is no more; `begun` are places of files whose attempts may have left frames."""

    job: str
    uploads: tuple[Path, ...]
    frames: tuple[str, ...]
    begun: tuple[int, ...]

    @property
    def possible_frames(self) -> Iterator[str]:
        """Names of all frames that may have been left."""
        return (name for place in self.begun for name in islice(derived_names(self.job, place), MOST_FRAMES))


@dataclass(frozen=True)
class QueueFigures:
    """A queue as it is now, and what has come of it so far: ages and times in seconds."""

    waiting: int
    running: int
    oldest: float
    ended: int
    seconds: float
    retries: int


@dataclass(frozen=True)
class Backlog:
    """What waits: files of everybody, those of one client, and the seconds that a file took of late."""

    waiting: int
    own: int
    seconds_each: float

    @classmethod
    def measured(cls, waiting: int, own: int, took: Sequence[float]) -> Backlog:
        """With the seconds that each of the last files took, which may be none."""
        return cls(waiting, own, sum(took) / len(took) if took else UNMEASURED_SECONDS)

    def has_room(self, files: int, most: int) -> bool:
        """Whether a client may send so many more: no more of its own may wait then than there is room left.

        So one client alone fills half of the queue, and there is always room for the next (Choudhury and Hahne, 1998).
        """
        return self.own + files <= most - (self.waiting + files)

    def seconds_until_room(self, runners: int) -> int:
        """When it is worth trying again: after half of what waits was judged."""
        return max(1, math.ceil(self.waiting / 2 * self.seconds_each / max(1, runners)))
