"""What is known of jobs, in Redis: so that any process on any machine takes them in, tells of them and does them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TooLate
from redis.retry import Retry

from backend.errors import Busy, KeyReused, StorageFailed, Unanswered
from backend.jobs.job import Backlog, Job, Leftovers, Order, Outcome, Part, Queue, QueueFigures, Task
from backend.progress import Progress
from backend.store.uploads import Upload

PREFIX = "{detector}:"  # of all keys; the braces keep them on one machine of a Redis cluster
LEASE_SECONDS = 15.0  # after which a file whose worker has not been heard of is another's
SCRIPT = Path(__file__).with_suffix(".lua")
RETRIES = 8  # over some five seconds: Redis may be started anew meanwhile
TIMEOUT_SECONDS = 5.0

Told = Any  # as a script answers


def connect(url: str) -> Redis:
    """A client that waits a little for a Redis which is being started anew."""
    return Redis.from_url(
        url,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), RETRIES),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )


class RedisLedger:
    """Jobs and their files; what is done with one, and has to be whole, is a command of one script.

    Redis is to write its append-only file before it answers (`appendfsync always`), else kill -9 loses what was told.
    Where an answer is lost, the same is asked again: so every command can be repeated.

    Args:
        most: files that may wait in a queue.
        retention: seconds for which jobs are remembered after their end.
        queues: from which files are taken, those of the first before those of the next.
    """

    report_pause = 0.5  # each is a write that Redis waits for: a picture has its answer before the first

    def __init__(self, client: Redis, most: int, retention: int, queues: Sequence[Queue] = ("cpu",)) -> None:
        self._client = client
        self._run = client.register_script(SCRIPT.read_text())
        self._most = most
        self._retention = retention
        self._queues = queues

    def submit(self, order: Order) -> tuple[str, bool]:
        """See `Ledger.submit`."""
        self._reach()
        files = [value for upload in order.uploads for value in (str(upload.path), upload.size, upload.sha256)]
        wishes = (order.client, order.key or "", order.fingerprint, int(order.store), order.request_id, order.queue)
        identity, verdict, *backlog = self._ask("submit", secrets.token_hex(16), *wishes, self._most, *files)
        if verdict == "reused":
            raise KeyReused("That Idempotency-Key belongs to other files: choose another.")
        if verdict == "busy":
            waiting, own, running, took = backlog
            wait = Backlog.measured(waiting, own, [float(seconds) for seconds in took])
            raise Busy("Too many files are waiting to be judged; try again later.", wait.seconds_until_room(running))
        return identity, verdict == "new"

    def find(self, identity: str) -> Job | None:
        """See `Ledger.find`."""
        told = self._ask("find", identity)
        if told is None:
            return None
        created, position, tasks = told
        found = [_fields(task) for task in tasks]
        ends = [float(task["ended"]) for task in found if "ended" in task]
        return Job(
            created=float(created),
            ended=max(ends) if len(ends) == len(found) else None,
            position=None if position == "" else int(position),
            parts=tuple(map(_part, found)),
        )

    def remove(self, identity: str) -> Leftovers | None:
        """See `Ledger.remove`."""
        tasks = self._ask("remove", identity, self._retention)
        return None if tasks is None else _leftovers(identity, tasks)

    def waiting(self, queue: Queue) -> int:
        """How many files wait in a queue, with those whose worker has not been heard of for too long."""
        waiting: int = self._ask("waiting", queue)
        return waiting

    def claim(self) -> Task | None:
        """See `Ledger.claim`; it is the caller's for LEASE_SECONDS, and again with every report."""
        told = self._ask("claim", LEASE_SECONDS, *self._queues)
        if told is None:
            return None
        job, place, attempt, (path, size, sha256), (request_id, store) = told
        return Task(job, int(place), attempt, request_id, Upload(Path(path), int(size), sha256), store == "1")

    def report(self, task: Task, progress: Progress) -> bool:
        """See `Ledger.report`."""
        return self._tell("report", task, progress.state, progress.fraction, LEASE_SECONDS)

    def finish(self, task: Task, outcome: Outcome) -> bool:
        """See `Ledger.finish`."""
        state = "done" if outcome.status == 200 else "failed"
        frames = json.dumps(outcome.frames)
        return self._tell("finish", task, self._retention, state, outcome.status, outcome.body, frames)

    def release(self, task: Task, *, counted: bool) -> bool:
        """See `Ledger.release`."""
        return self._tell("release", task, 0 if counted else 1)

    def purge(self, retention: float) -> list[Leftovers]:
        """See `Ledger.purge`; Redis itself forgets them by then, but not their files."""
        return [_leftovers(identity, tasks) for identity, tasks in self._ask("purge", retention)]

    def figures(self) -> dict[str, QueueFigures]:
        """See `Ledger.figures`."""
        told = {queue: self._ask("figures", queue) for queue in get_args(Queue)}
        return {
            queue: QueueFigures(waiting, running, float(oldest), int(ended), float(seconds), int(retries))
            for queue, (waiting, running, oldest, ended, seconds, retries) in told.items()
        }

    def takes_turn(self, work: str, seconds: float) -> bool:
        """Whether, of all processes, this one is to do some work that is to be done once in so many seconds."""
        try:
            return bool(self._client.set(f"{PREFIX}turn:{work}", 1, nx=True, px=int(1000 * seconds)))
        except RedisError as error:
            raise StorageFailed from error

    def _tell(self, command: str, task: Task, *values: str | float) -> bool:
        return bool(self._ask(command, task.job, task.place, task.attempt, *values) == 1)

    def _reach(self) -> None:
        """See whether Redis is there: where it is not, nothing that is written has to be in doubt."""
        try:
            self._client.ping()
        except RedisError as error:
            raise StorageFailed from error

    def _ask(self, command: str, *values: str | float) -> Told:
        try:
            return self._run(keys=[PREFIX], args=[command, *values])
        except (Unreachable, TooLate) as error:
            raise Unanswered from error
        except RedisError as error:
            raise StorageFailed from error


def _fields(task: list[str]) -> dict[str, str]:
    return dict(zip(task[::2], task[1::2], strict=True))


def _part(task: dict[str, str]) -> Part:
    outcome = None
    if "status" in task:
        outcome = Outcome(int(task["status"]), task["body"], tuple(json.loads(task["frames"])))
    return Part(task["state"], task["stage"], float(task["progress"]), outcome)  # type: ignore[arg-type]


def _leftovers(identity: str, tasks: list[list[str]]) -> Leftovers:
    found = [_fields(task) for task in tasks]
    return Leftovers(
        identity,
        uploads=tuple(Path(task["path"]) for task in found),
        frames=tuple(name for task in found for name in json.loads(task.get("frames", "[]"))),
        begun=tuple(place for place, task in enumerate(found) if task["attempt"] != "0" and "ended" not in task),
    )
