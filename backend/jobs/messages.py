"""Celery's messages: one for each file that waits, which says no more than that something does.

Whose turn it is, the ledger knows, and whoever is woken goes on until nothing waits. So a message that is lost or comes
twice does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from celery import Celery
from kombu.exceptions import OperationalError

from backend.jobs.job import Order, Queue
from backend.jobs.redis_ledger import PREFIX

logger = logging.getLogger(__name__)

TASK = "detector.judge_waiting"
VISIBILITY_SECONDS = 60  # after which a message that was not acknowledged comes again; by then the file is another's
TIMEOUT_SECONDS = 5


def new_celery(broker_url: str) -> Celery:
    """Celery as API processes and workers use it: results and progress are the ledger's."""
    celery = Celery("detector", broker=broker_url, set_as_current=False)
    celery.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=0,  # by more, one that cannot be acknowledged for want of Redis is its worker's last
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": PREFIX,
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
        },
    )
    return celery


class Messages:
    """Sends them."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._errors = (OperationalError, *celery.connection_for_write().connection_errors)

    def send_for(self, order: Order) -> None:
        """Tell workers of the files of an order; where that fails, one of them finds them (see `fill`)."""
        with self._told():
            self._send(order.queue, len(order.uploads))

    def fill(self, queue: Queue, waiting: int) -> None:
        """Send as many messages as are missing for the files that wait in a queue."""
        with self._told(), self._celery.connection_for_write() as connection, connection.channel() as channel:
            self._send(queue, waiting - channel.queue_declare(queue=queue).message_count)

    def close(self) -> None:
        """Close its connections."""
        self._celery.close()

    def _send(self, queue: Queue, number: int) -> None:
        for _ in range(number):
            self._celery.send_task(TASK, queue=queue, retry=False)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            logger.warning("workers cannot be told of files", extra={"reason": str(error)})


def consume(celery: Celery, queues: Sequence[Queue], threads: int) -> int:
    """Work as Celery's worker until SIGTERM, then finish what was begun; the exit status."""
    worker = celery.Worker(
        pool="threads",
        concurrency=threads,
        queues=list(queues),
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    return worker.exitcode or 0
