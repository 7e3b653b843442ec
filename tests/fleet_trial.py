"""`make test-fleet`: 500 jobs, while workers and Redis are killed at random; docs/fleet.md gets what was measured."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from backend.config import ROOT
from bench.documents import publish
from tests.chaos import SERVICES, WORKERS, Kills, Trial, leftovers, running_fleet, try_out
from tests.server import wait_until

JOBS, SEED = 500, 16
KILLS = Kills(workers=1000, redis=500, pause=(1, 8), away=(0, 2), jobs=12, one_by_one=True)  # as long as it takes
MESSAGES_SECONDS = 300  # in which those come again that killed workers have not acknowledged
PURGE_INTERVAL = 15  # seconds: each purge lists some thousand frames


def main() -> int:
    """Try, tell, and note it in the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    print(f"Logs are in {folder}; they are deleted if all is well.", flush=True)
    with running_fleet(folder, DETECTOR_PURGE_INTERVAL=str(PURGE_INTERVAL)) as fleet:
        trial = try_out(fleet, options.jobs, KILLS, options.seed)
        wait_until(lambda: not leftovers(fleet), MESSAGES_SECONDS)
    shutil.rmtree(folder)
    table = describe(trial)
    print(table)
    publish(ROOT / "docs" / "fleet.md", "trial", table)
    return 0


def describe(trial: Trial) -> str:
    """What was measured, as a table."""
    slow = quantiles(trial.waits, n=100)
    rows = {
        "jobs, each ended once with the answer that `/predict` gives": str(trial.jobs),
        "workers killed": str(trial.worker_kills),
        "Redis killed": str(trial.redis_kills),
        "attempts after the first": str(trial.retries),
        "answers 503, since the queue was full or Redis away; sent again": str(trial.refused),
        "from 202 to the answer, half of all, 99 of 100, the longest": f"{slow[49]:.1f} s, {slow[98]:.1f} s, "
        f"{trial.waits[-1]:.1f} s",
        "left in folders, the object store and Redis": "nothing",
    }
    lines = [f"| {what} | {value} |" for what, value in rows.items()]
    day = datetime.now(UTC).date().isoformat()
    title = f"{SERVICES} services and {WORKERS} workers on one machine, {trial.seconds:.0f} s on {day}"
    return "\n".join([f"| {title} | |", "| --- | --- |", *lines])


if __name__ == "__main__":
    sys.exit(main())
