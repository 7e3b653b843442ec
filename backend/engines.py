"""What carries out jobs: threads of the service itself, or workers on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.api.admission import Admission
from backend.api.judging import Judge
from backend.assembly import Storage
from backend.config import Settings
from backend.jobs.carrying import Carrier
from backend.jobs.jobs import Jobs
from backend.jobs.runner import Runner
from backend.jobs.sqlite_ledger import SqliteLedger

PURGE_SHARE = 0.9  # of the interval between purges, in which what several machines share is purged once


@dataclass(frozen=True)
class Engine:
    """What the service does with jobs, what it starts and ends with itself, and what it purges regularly."""

    jobs: Jobs
    start: Callable[[], None]
    close: Callable[[], None]
    purges: tuple[Callable[[], object], ...]


def new_engine(settings: Settings, storage: Storage, judge: Judge, admission: Admission) -> Engine:
    """The engine that the settings ask for.

    Raises:
        ModuleNotFoundError: what it needs is not installed.
    """
    return _fleet(settings, storage) if settings.broker_url else _embedded(settings, storage, judge, admission)


def _embedded(settings: Settings, storage: Storage, judge: Judge, admission: Admission) -> Engine:
    ledger = SqliteLedger(settings.job_folder, settings.job_queue, settings.analyses)
    carrier = Carrier(ledger, storage.uploads, storage.frames, judge.judge_task)
    runner = Runner(ledger, carrier, settings.job_folder, settings.analyses, admission, lambda: judge.model.is_ready)
    jobs = Jobs(ledger, storage.uploads, storage.frames, settings.retention, lambda _: runner.wake())
    return Engine(jobs, runner.start, runner.close, (storage.purge, jobs.purge, storage.purge_shared))


def _fleet(settings: Settings, storage: Storage) -> Engine:
    from backend.jobs.messages import Messages, new_celery
    from backend.jobs.redis_ledger import RedisLedger, connect

    ledger = RedisLedger(connect(settings.broker_url), settings.job_queue, settings.retention)
    messages = Messages(new_celery(settings.broker_url))
    jobs = Jobs(ledger, storage.uploads, storage.frames, settings.retention, messages.send_for)

    def purge_once() -> None:
        if ledger.takes_turn("purge", PURGE_SHARE * settings.purge_interval):
            jobs.purge()
            storage.purge_shared()

    return Engine(jobs, _nothing, messages.close, (storage.purge, purge_once))


def _nothing() -> None:
    """The workers start by themselves."""
