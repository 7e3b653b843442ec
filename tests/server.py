"""A real server process on a free port, with the model that is shipped unless its user brings another."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests

from backend.config import ROOT

T = TypeVar("T")

START_SECONDS = 90
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Server:
    """A running service: where it listens, its folders, and its log so far."""

    url: str
    uploads: Path
    static: Path
    log_path: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def delete(self, path: str) -> requests.Response:
        return requests.delete(self.url + path, timeout=120)

    def predict(self, path: Path, name: str | None = None, **query: str) -> requests.Response:
        with path.open("rb") as stream:
            files = {"file": (name or path.name, stream)}
            return requests.post(self.url + "/predict", params=query, files=files, timeout=120)

    def submit(self, *paths: Path, key: str | None = None, **query: str) -> requests.Response:
        files = [("file", (path.name, path.read_bytes())) for path in paths]
        headers = {"Idempotency-Key": key} if key else {}
        return requests.post(self.url + "/jobs", params=query, files=files, headers=headers, timeout=120)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def children(self) -> list[int]:
        """Process ids of what it has started."""
        return children_of(self.process.pid)

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        return [pid for pid in self.children() if b"confined.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for(self, path: str, status: int) -> requests.Response:
        return wait_until(lambda: self._answer(path, status), START_SECONDS)

    def _answer(self, path: str, status: int) -> requests.Response | None:
        assert self.process.poll() is None, self.log
        with contextlib.suppress(requests.ConnectionError):
            response = self.get(path)
            if response.status_code == status:
                return response
        return None


def children_of(process: int) -> list[int]:
    """Process ids of what a process has started; threads that end meanwhile have no children."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def wait_until(condition: Callable[[], T | None], timeout: float) -> T:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(PAUSE_SECONDS)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment_of(folder: Path, **settings: str) -> dict[str, str]:
    """That of a process with all its folders in one, and these settings besides."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")} | {
        "DETECTOR_PAGE_PORT": "0",
        "DETECTOR_UPLOAD_FOLDER": str(folder / "uploads"),
        "DETECTOR_FRAME_FOLDER": str(folder / "static"),
        "DETECTOR_JOB_FOLDER": str(folder / "jobs"),
        **settings,
    }


@contextlib.contextmanager
def running_server(folder: Path, **settings: str) -> Iterator[Server]:
    """Start `python backend/app.py`, as a user would from another folder, and stop it with SIGTERM."""
    port = settings.pop("DETECTOR_PORT", str(free_port()))
    uploads, static, log_path = folder / "uploads", folder / "static", folder / "log"
    environment = environment_of(folder, DETECTOR_PORT=port, **settings)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "backend" / "app.py")], cwd=folder, env=environment, stdout=log, stderr=log
        )
    server = Server(f"http://127.0.0.1:{port}", uploads, static, log_path, process)
    try:
        server.wait_for("/livez", 200)
        yield server
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, server.log
