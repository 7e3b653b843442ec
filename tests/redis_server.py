"""A real Redis on a free port, which writes its append-only file before it answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.server import free_port, wait_until

PROGRAM = "redis-server"


class RedisServer:
    """A Redis that can be killed and started again on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [find_redis(), "--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, 20)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "redis.log").read_text()
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


def find_redis() -> str:
    """Where Redis is; Debian's package is installed by whoever may."""
    if not shutil.which(PROGRAM) and os.geteuid() == 0 and shutil.which("apt-get"):
        for step in (["update", "-q"], ["install", "-qy", PROGRAM]):
            subprocess.run(["apt-get", *step], check=True, stdout=subprocess.DEVNULL)
    return shutil.which(PROGRAM) or pytest.fail(f"Redis is needed: install the Debian package {PROGRAM}")


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Start one, and end it."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
