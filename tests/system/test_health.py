from __future__ import annotations

import os
import subprocess
import sys

from backend.config import ROOT
from tests.server import running_server, wait_until

NAME = {"DETECTOR_ALLOWED_HOSTS": "detector.example,127.0.0.1"}


def check(url: str) -> int:
    environment = os.environ | NAME | {"DETECTOR_PORT": url.rpartition(":")[2]}
    return subprocess.run([sys.executable, "-m", "backend.health"], cwd=ROOT, env=environment, check=False).returncode


def test_it_tells_whether_the_service_is_ready_under_whatever_name(tmp_path, server):
    assert check(server.url) == 1  # it does not answer to that name
    with running_server(tmp_path, **NAME) as named:
        named.wait_for("/readyz", 200)
        assert check(named.url) == 0
    assert check(named.url) == 1


def test_a_service_without_a_model_is_not_ready(tmp_path):
    with running_server(tmp_path, DETECTOR_MODEL_PATH=str(tmp_path / "none.h5"), **NAME) as server:
        wait_until(lambda: "model not ready" in server.log, 60)
        assert check(server.url) == 1
