"""What is told Prometheus of the queues of jobs: the same by every replica, since all ask the one ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.errors import StorageFailed
from backend.jobs.job import QueueFigures

LABELS = ["queue"]


class Queues(Collector):
    """Asks when it is asked; where the ledger cannot be reached, it tells nothing, and the other metrics go on."""

    def __init__(self, figures: Callable[[], Mapping[str, QueueFigures]]) -> None:
        self._figures = figures

    def describe(self) -> Iterator[Metric]:
        """What it may tell."""
        yield from _families()

    def collect(self) -> Iterable[Metric]:
        """What each queue is like now."""
        waiting, running, oldest, seconds, ended, retries = families = _families()
        try:
            figures = self._figures()
        except StorageFailed:
            return []
        for name, queue in figures.items():
            waiting.add_metric([name], queue.waiting)
            running.add_metric([name], queue.running)
            oldest.add_metric([name], queue.oldest)
            seconds.add_metric([name], queue.seconds)
            ended.add_metric([name], queue.ended)
            retries.add_metric([name], queue.retries)
        return families


def _families() -> tuple[GaugeMetricFamily | CounterMetricFamily, ...]:
    return (
        GaugeMetricFamily("detector_job_files_waiting", "Files of jobs that wait for their turn.", labels=LABELS),
        GaugeMetricFamily("detector_job_files_running", "Files of jobs that are being judged.", labels=LABELS),
        GaugeMetricFamily("detector_job_oldest_seconds", "Age of the oldest file that waits.", labels=LABELS),
        CounterMetricFamily("detector_job_seconds", "Time that files took, from the first look on.", labels=LABELS),
        CounterMetricFamily("detector_job_files_ended", "Files of jobs that have their answer.", labels=LABELS),
        CounterMetricFamily("detector_job_retries", "Attempts at a file after its first.", labels=LABELS),
    )
