"""What the service counts for Prometheus; each number is counted where the thing happens.

One registry for the process, as the library has it: the service is one process, and its workers count nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

# From a part of a picture to the longest video.
STAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
BATCH_CROPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # up to the largest batch that a GPU gets
NO_ROUTE = "none"  # paths and methods that nobody serves are a client's words: they never become labels

REQUESTS = Counter("detector_requests", "Requests answered.", ["route", "status"])
STAGES = Histogram(
    "detector_stage_seconds", "Time of judged files by stage, as in timing_ms.", ["stage"], buckets=STAGE_SECONDS
)
VERDICTS = Counter("detector_verdicts", "Files judged.", ["verdict", "basis"])
FILES_RUNNING = Gauge("detector_files_running", "Files that are being judged.")
FILES_WAITING = Gauge("detector_files_waiting", "Files that wait for their turn.")
NETWORK_BATCH = Histogram("detector_network_batch_crops", "Crops in one run of the network.", buckets=BATCH_CROPS)
FAILED_DEVICES = Counter("detector_failed_devices", "Devices given up, since the network failed on them.")
PURGED_FILES = Counter("detector_purged_files", "Files deleted because their time was over.")
WORKER_RESTARTS = Counter(
    "detector_worker_restarts", "Workers replaced: dead, too slow, at a cancelled file, or after their number of files."
)


def count_judged(verdict: str, basis: str, timing_ms: Mapping[str, float]) -> None:
    """Count a file that was judged, and how long that took."""
    VERDICTS.labels(verdict, basis).inc()
    for stage, spent in timing_ms.items():
        STAGES.labels(stage).observe(spent / 1000)
