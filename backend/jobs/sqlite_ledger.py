"""What is known of jobs, in a SQLite file: so it outlives the process, however that ends."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from backend.errors import Busy, KeyReused, StorageFailed
from backend.jobs.job import Backlog, Job, Leftovers, Order, Outcome, Part, QueueFigures, Task
from backend.progress import Progress
from backend.store.uploads import Upload

NAME = "jobs.sqlite3"
QUEUE = "embedded"
LOCKED_SECONDS = 10  # for which another process that writes is waited for
MEASURED = 32  # files, the last ones, by which it is judged how long the next will take

SCHEMA = Path(__file__).with_suffix(".sql")

Row = Any  # as sqlite3 has it


class SqliteLedger:
    """Jobs and their files, each written before it is told; several processes may share one file.

    It is written ahead of the database proper (WAL): kill -9 loses nothing, a power cut perhaps the last moments.

    Args:
        folder: where the file is, made if need be when it is first used.
        most: files that may wait.
        runners: files that are judged at the same time.
    """

    report_pause = 0.0

    def __init__(self, folder: Path, most: int, runners: int) -> None:
        self._folder = folder
        self._most = most
        self._runners = runners
        self._opened: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def submit(self, order: Order) -> tuple[str, bool]:
        """See `Ledger.submit`."""
        with self._transaction() as connection:
            if order.key is not None:
                known = connection.execute(
                    "SELECT id, fingerprint FROM jobs WHERE client = ? AND key = ?", (order.client, order.key)
                ).fetchone()
                if known:
                    if known["fingerprint"] != order.fingerprint:
                        raise KeyReused("That Idempotency-Key belongs to other files: choose another.")
                    return known["id"], False
            backlog = _backlog(connection, order.client)
            if not backlog.has_room(len(order.uploads), self._most):
                raise Busy(
                    "Too many files are waiting to be judged; try again later.",
                    backlog.seconds_until_room(self._runners),
                )
            identity = secrets.token_hex(16)
            connection.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)",
                (identity, order.client, order.key, order.fingerprint, order.store, order.request_id, time.time()),
            )
            turn = _next_turn(connection, order.client)
            connection.executemany(
                "INSERT INTO tasks (job, place, path, size, sha256, turn) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (identity, place, str(upload.path), upload.size, upload.sha256, turn + place)
                    for place, upload in enumerate(order.uploads)
                ],
            )
        return identity, True

    def find(self, identity: str) -> Job | None:
        """See `Ledger.find`."""
        with self._transaction() as connection:
            tasks = _tasks_of(connection, identity)
            if not tasks:
                return None
            queued = [(task["turn"], task["rowid"]) for task in tasks if task["state"] == "queued"]
            before = (
                connection.execute(
                    "SELECT count(*) FROM tasks WHERE state = 'queued' AND (turn, rowid) < (?, ?)", min(queued)
                ).fetchone()
                if queued
                else [None]
            )
        return Job(
            created=tasks[0]["created"],
            ended=max(task["ended"] for task in tasks) if all(task["ended"] for task in tasks) else None,
            position=before[0],
            parts=tuple(map(_part, tasks)),
        )

    def remove(self, identity: str) -> Leftovers | None:
        """See `Ledger.remove`."""
        with self._transaction() as connection:
            tasks = _tasks_of(connection, identity)
            if not tasks:
                return None
            if all(task["ended"] for task in tasks):
                connection.execute("DELETE FROM jobs WHERE id = ?", (identity,))
            else:
                connection.execute(
                    "UPDATE tasks SET state = 'cancelled', stage = 'cancelled', ended = ?, status = NULL, body = NULL, "
                    "frames = '[]' WHERE job = ?",
                    (time.time(), identity),
                )
        return _leftovers(identity, tasks)

    def waits(self) -> bool:
        """Whether there is a file to be taken."""
        with self._transaction() as connection:
            return connection.execute("SELECT 1 FROM tasks WHERE state = 'queued' LIMIT 1").fetchone() is not None

    def claim(self) -> Task | None:
        """See `Ledger.claim`."""
        with self._transaction() as connection:
            taken = connection.execute(
                "UPDATE tasks SET state = 'running', attempt = attempt + 1, stage = 'examining', progress = 0, "
                "began = ? WHERE rowid = (SELECT rowid FROM tasks WHERE state = 'queued' ORDER BY turn, rowid LIMIT 1) "
                "RETURNING job, place, attempt, path, size, sha256",
                (time.time(),),
            ).fetchone()
            if taken is None:
                return None
            job = connection.execute("SELECT request_id, store FROM jobs WHERE id = ?", (taken["job"],)).fetchone()
        return Task(
            job=taken["job"],
            place=taken["place"],
            attempt=taken["attempt"],
            request_id=job["request_id"],
            upload=Upload(Path(taken["path"]), taken["size"], taken["sha256"]),
            store=bool(job["store"]),
        )

    def report(self, task: Task, progress: Progress) -> bool:
        """See `Ledger.report`."""
        return self._update(task, "stage = ?, progress = ?", progress.state, progress.fraction)

    def finish(self, task: Task, outcome: Outcome) -> bool:
        """See `Ledger.finish`."""
        state = "done" if outcome.status == 200 else "failed"
        return self._update(
            task,
            "state = ?, stage = ?, progress = 1, ended = ?, status = ?, body = ?, frames = ?",
            *(state, state, time.time(), outcome.status, outcome.body, json.dumps(outcome.frames)),
        )

    def release(self, task: Task, *, counted: bool) -> bool:
        """See `Ledger.release`."""
        return self._update(
            task, "state = 'queued', stage = 'waiting', progress = 0, attempt = attempt - ?", 0 if counted else 1
        )

    def recover(self, at_work: Collection[tuple[str, int]]) -> None:
        """Let all files wait again that are said to be judged but are not among those at work."""
        with self._transaction() as connection:
            for running in connection.execute("SELECT rowid, job, place FROM tasks WHERE state = 'running'").fetchall():
                if (running["job"], running["place"]) not in at_work:
                    connection.execute(
                        "UPDATE tasks SET state = 'queued', stage = 'waiting', progress = 0 WHERE rowid = ?",
                        (running["rowid"],),
                    )

    def purge(self, retention: float) -> list[Leftovers]:
        """See `Ledger.purge`."""
        before = time.time() - retention
        with self._transaction() as connection:
            over = connection.execute(
                "SELECT jobs.id FROM jobs JOIN tasks ON tasks.job = jobs.id GROUP BY jobs.id "
                "HAVING sum(state = 'running') = 0 AND max(coalesce(ended, created)) < ?",
                (before,),
            ).fetchall()
            leftovers = [_leftovers(row["id"], _tasks_of(connection, row["id"])) for row in over]
            connection.executemany("DELETE FROM jobs WHERE id = ?", [(row["id"],) for row in over])
        return leftovers

    def figures(self) -> dict[str, QueueFigures]:
        """See `Ledger.figures`; here there is one queue."""
        with self._transaction() as connection:
            figures = connection.execute(
                "SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'), "
                "coalesce(? - min(created) FILTER (WHERE state = 'queued'), 0), (SELECT ended FROM figures), "
                "(SELECT seconds FROM figures), (SELECT retries FROM figures) FROM tasks JOIN jobs ON id = job",
                (time.time(),),
            ).fetchone()
        return {QUEUE: QueueFigures(*figures)}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._opened:
                self._opened.close()
                self._opened = None

    def _update(self, task: Task, changes: str, *values: object) -> bool:
        with self._transaction() as connection:
            changed = connection.execute(
                f"UPDATE tasks SET {changes} WHERE job = ? AND place = ? AND attempt = ? AND state = 'running'",  # noqa: S608
                (*values, task.job, task.place, task.attempt),
            )
            return changed.rowcount == 1

    def _open(self) -> sqlite3.Connection:
        self._opened = _open(self._folder)
        weakref.finalize(self, self._opened.close)  # of a service that is dropped without being closed
        return self._opened

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                connection = self._opened or self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:  # whatever it was, it goes on; the lock on the file must not
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except (sqlite3.DatabaseError, OSError) as error:  # among them that the file is none of SQLite's
            raise StorageFailed from error


def _open(folder: Path) -> sqlite3.Connection:
    folder.mkdir(0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / NAME, timeout=LOCKED_SECONDS, isolation_level=None, check_same_thread=False)
    with ExitStack() as unfinished:
        unfinished.callback(connection.close)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(SCHEMA.read_text())
        unfinished.pop_all()
    return connection


def _backlog(connection: sqlite3.Connection, client: str) -> Backlog:
    waiting, own = connection.execute(
        "SELECT count(*), coalesce(sum(client = ?), 0) FROM tasks JOIN jobs ON id = job WHERE state = 'queued'",
        (client,),
    ).fetchone()
    took = connection.execute(
        "SELECT ended - began FROM tasks WHERE status IS NOT NULL ORDER BY ended DESC LIMIT ?", (MEASURED,)
    ).fetchall()
    return Backlog.measured(waiting, own, [seconds for (seconds,) in took])


def _next_turn(connection: sqlite3.Connection, client: str) -> int:
    """The turn of a client's next file: after its own last one, and not before those that are due (Goyal, 1996)."""
    due, last = connection.execute(
        "SELECT coalesce(min(turn), 0), coalesce(max(turn) FILTER (WHERE client = ?), 0) "
        "FROM tasks JOIN jobs ON id = job WHERE state IN ('queued', 'running')",
        (client,),
    ).fetchone()
    turn: int = max(due, last) + 1
    return turn


def _tasks_of(connection: sqlite3.Connection, identity: str) -> list[Row]:
    return connection.execute(
        "SELECT tasks.rowid, tasks.*, created FROM tasks JOIN jobs ON id = job WHERE job = ? ORDER BY place",
        (identity,),
    ).fetchall()


def _part(task: Row) -> Part:
    outcome = Outcome(task["status"], task["body"], tuple(json.loads(task["frames"]))) if task["status"] else None
    return Part(task["state"], task["stage"], task["progress"], outcome)


def _leftovers(identity: str, tasks: list[Row]) -> Leftovers:
    return Leftovers(
        identity,
        uploads=tuple(Path(task["path"]) for task in tasks),
        frames=tuple(name for task in tasks for name in json.loads(task["frames"])),
        begun=tuple(task["place"] for task in tasks if task["attempt"] and not task["ended"]),
    )
