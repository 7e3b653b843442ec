"""That the workers of a real service are in the sandbox which tests/unit/test_sandbox.py looks at from inside."""

from __future__ import annotations

import json
from pathlib import Path

from backend.sandbox import Sandbox, find_sandbox
from tests.server import running_server, wait_until

KEY = "a-key-that-no-worker-knows"


def test_the_workers_are_in_it_and_the_log_says_so(tmp_path):
    with running_server(tmp_path, DETECTOR_API_KEYS=KEY) as server:
        server.wait_for("/readyz", 200)
        found, lines = find_sandbox(), [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        (said,) = [line for line in lines if line["name"] == "backend.isolation"]
        assert said.get("landlock", 0) == (found.landlock if found.filters_calls else 0)
        wait_until(lambda: all(confines(pid, found) for pid in server.workers()), 20)


def confines(pid: int, found: Sandbox) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    is_landlocked = "NoNewPrivs:\t1" in status or not found.landlock
    return is_landlocked and ("Seccomp:\t2" in status or not found.filters_calls)


def test_the_workers_know_no_key(tmp_path):
    with running_server(tmp_path, DETECTOR_API_KEYS=KEY) as server:
        assert server.get("/metrics").status_code == 401
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in server.workers()]
        assert len(environments) > 0 and not any(KEY.encode() in environment for environment in environments)
