"""How many files are judged at once, how many may wait, and whose turn it is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from backend import metrics
from backend.errors import Busy
from backend.progress import Progress

FULL = "Too many files are waiting to be examined; try again in a few seconds."
JOBS = "jobs"  # all of them count as one client here; among themselves their ledger lets clients take turns


@dataclass(eq=False)
class Ticket:
    """A client's file with its turn: low ones go first, of the same turn the one that came first."""

    client: str
    turn: int
    waits: bool = True
    gives_way: bool = False


class Admission:
    """Lets `running` callers through at a time and `waiting` more queue; the rest are turned away at once.

    Clients take turns: the first file of each comes before the second of any. One may fill the queue while it is alone
    there, but where the queue is full, the newest file of the client with the most gives way to one with fewer.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._capacity = running + waiting
        self._free = running
        self._tickets: list[Ticket] = []  # of files that wait or run, in the order in which they came
        self._turn = 0  # that was had last
        self._changed = threading.Condition()

    @contextmanager
    def enter(self, progress: Progress, client: str) -> Iterator[None]:
        """Wait for a turn and hold it.

        Raises:
            Busy: too many are waiting already, or so many came since that it gives way to another client.
            Cancelled: it was while it waited.
        """
        with self._changed:
            self._make_room(client)
            ticket = self._queue(client)
        with self._hold(ticket, lambda: progress.has_ended):
            if ticket.gives_way:
                raise Busy(FULL)
            progress.enter("examining")
            yield

    @contextmanager
    def turn(self, is_given_up: Callable[[], bool]) -> Iterator[bool]:
        """Wait for a turn for a job, however many wait, and hold it; False if it was given up before."""
        with self._changed:
            ticket = self._queue(JOBS)
        with self._hold(ticket, is_given_up) as had:
            yield had

    def look_again(self) -> None:
        """Let those that wait see whether they are to give up."""
        with self._changed:
            self._changed.notify_all()

    def _queue(self, client: str) -> Ticket:
        own = [ticket.turn + 1 for ticket in self._tickets if ticket.client == client]
        ticket = Ticket(client, max([self._turn, *own]))
        self._tickets.append(ticket)
        return ticket

    def _make_room(self, client: str) -> None:
        inside = [ticket for ticket in self._tickets if ticket.client != JOBS and not ticket.gives_way]
        if len(inside) < self._capacity:
            return
        waiting = [ticket for ticket in inside if ticket.waits]
        counts = Counter(ticket.client for ticket in waiting)
        newest = max(reversed(waiting), key=lambda ticket: counts[ticket.client], default=None)
        if newest is None or counts[newest.client] <= counts[client] + 1:
            raise Busy(FULL)
        newest.gives_way = True
        self._changed.notify_all()

    @contextmanager
    def _hold(self, ticket: Ticket, is_given_up: Callable[[], bool]) -> Iterator[bool]:
        try:
            had = self._wait(ticket, is_given_up)
            if not had:
                yield False
                return
            with metrics.FILES_RUNNING.track_inprogress():
                yield True
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._free += not ticket.waits
                self._changed.notify_all()

    def _wait(self, ticket: Ticket, is_given_up: Callable[[], bool]) -> bool:
        with metrics.FILES_WAITING.track_inprogress(), self._changed:
            self._changed.wait_for(lambda: ticket.gives_way or is_given_up() or self._is_next(ticket))
            if ticket.gives_way or is_given_up():
                return False
            ticket.waits = False
            self._free -= 1
            self._turn = max(self._turn, ticket.turn)
            self._changed.notify_all()
            return True

    def _is_next(self, ticket: Ticket) -> bool:
        waiting = [one for one in self._tickets if one.waits and not one.gives_way]
        return self._free > 0 and ticket is min(waiting, key=lambda one: one.turn)
