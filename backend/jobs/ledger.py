"""What is known of jobs, wherever that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from backend.jobs.job import Job, Leftovers, Order, Outcome, QueueFigures, Task
from backend.progress import Progress


class Ledger(Protocol):
    """Jobs and their files, each written before it is told; every call happens whole or not at all.

    All of them raise StorageFailed where nothing can be read or written. There should be `report_pause` seconds between
    two reports on a file.
    """

    report_pause: float

    def submit(self, order: Order) -> tuple[str, bool]:
        """Let files wait for their turn; the id of their job, and whether it is new.

        Clients take turns: the first file of each comes before the second of any, however many one sends.

        Raises:
            Unanswered: it may have been taken in; after every other failure it was not.
            KeyReused: the client has used the key for another order.
            Busy: too many are waiting already, or too many of this client's.
        """

    def find(self, identity: str) -> Job | None:
        """A job as it is now."""

    def remove(self, identity: str) -> Leftovers | None:
        """Forget a job that has ended; of another remember only that it was cancelled. None: there is no such job."""

    def claim(self) -> Task | None:
        """Take the file whose turn it is, if there is any."""

    def report(self, task: Task, progress: Progress) -> bool:
        """Note how far a file is; whether it is still wanted, and of this attempt."""

    def finish(self, task: Task, outcome: Outcome) -> bool:
        """Note what came of a file; whether that was still wanted, and of this attempt."""

    def release(self, task: Task, *, counted: bool) -> bool:
        """Let a file wait for another turn; whether this attempt counts as one."""

    def purge(self, retention: float) -> list[Leftovers]:
        """Forget jobs that ended so many seconds ago, or have waited for so long; what is left of them."""

    def figures(self) -> Mapping[str, QueueFigures]:
        """Each queue by its name."""
