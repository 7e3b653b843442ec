"""A worker: it judges files of jobs for services on any machine, by the same pipeline, with the model loaded once."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

if not __package__:  # as in app.py
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
from celery.signals import worker_shutting_down
from prometheus_client import start_http_server

from backend.api.judging import Judge
from backend.api.request_log import configure_logging
from backend.assembly import hide_secrets, new_model, open_storage, start_examiner
from backend.config import SettingsError, load_settings
from backend.examination import start_workers
from backend.jobs.carrying import Carrier
from backend.jobs.crew import Crew
from backend.jobs.job import Queue
from backend.jobs.messages import TASK, Messages, consume, new_celery
from backend.jobs.redis_ledger import RedisLedger, connect
from backend.model.runtimes import NoGpuError, choose_gpus
from backend.store.purge import schedule_purge

logger = logging.getLogger("backend.worker")

LOADING_SECONDS = 600
WITH_GPU: tuple[Queue, ...] = ("gpu", "cpu")  # what is meant for GPUs first
WITHOUT_GPU: tuple[Queue, ...] = ("cpu",)


def main() -> int:
    """Work until stopped; the exit status."""
    try:
        settings = load_settings()
        if not settings.broker_url:
            raise SettingsError("DETECTOR_BROKER_URL is not set: where are the jobs?")
        queues = WITH_GPU if choose_gpus(settings.device) else WITHOUT_GPU
    except (SettingsError, NoGpuError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    cv2.setNumThreads(1)
    for folder in (settings.upload_folder, settings.frame_folder):
        folder.mkdir(parents=True, exist_ok=True)
    model = new_model(settings)
    hide_secrets(settings)
    examiner = start_examiner(settings, [settings.upload_folder])
    model.start()
    storage = open_storage(settings)
    judge = Judge(settings, model, examiner.examine, start_workers(settings.threads), storage.frames)
    ledger = RedisLedger(connect(settings.broker_url), settings.job_queue, settings.retention, queues)
    carrier = Carrier(ledger, storage.uploads, storage.frames, judge.judge_task)
    celery = new_celery(settings.broker_url)
    crew = Crew(ledger, carrier, queues, Messages(celery).fill, lambda: model.is_ready)
    celery.task(crew.judge_next, name=TASK)
    worker_shutting_down.connect(lambda **_: crew.drain(), weak=False)
    model.wait(LOADING_SECONDS)
    if not model.is_ready:  # the log says why
        examiner.close()
        return 1
    try:
        start_http_server(settings.port, settings.host)
    except OSError as error:
        print(f"Metrics are not served on port {settings.port}: {error.strerror}.", file=sys.stderr)
    scheduler = schedule_purge([storage.purge], settings.purge_interval)
    crew.start()
    print(f"Judging jobs of the queues {', '.join(queues)}", file=sys.stderr)
    status = consume(celery, queues, settings.analyses)
    scheduler.shutdown(wait=False)
    examiner.close()
    return status if model.is_ready else 1


if __name__ == "__main__":
    sys.exit(main())
