"""A fleet on this machine: a real object store, and workers as processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import requests

from backend.config import ROOT
from tests.server import environment_of, free_port, wait_until

BUCKET = "detector"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
START_SECONDS = 180  # of a machine that has much else to do


class ObjectStore:
    """A server of S3's calls that keeps all in memory, with one empty bucket."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.settings = {"DETECTOR_STORAGE_URL": f"s3://{BUCKET}", "AWS_ENDPOINT_URL": self.url, **CREDENTIALS}
        with (folder / "s3.log").open("wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, 60)
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="id",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def names(self) -> list[str]:
        """Names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def empty(self) -> None:
        """Delete all objects."""
        if names := self.names():
            self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": name} for name in names]})

    def close(self) -> None:
        """End it."""
        self.client.close()
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(self.url, timeout=5).ok
        return False


class Worker:
    """`python backend/worker.py` in a folder of its own; started again, it is another process in the same one."""

    def __init__(self, folder: Path, **settings: str) -> None:
        (folder / "tmp").mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self._environment = environment_of(folder, DETECTOR_PORT=str(self.port), TMPDIR=str(folder / "tmp"), **settings)
        self.start()

    def start(self) -> None:
        """Start it."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "backend" / "worker.py")],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """What it and those before it have written."""
        return (self.folder / "log").read_text()

    def wait_until_ready(self) -> None:
        """Wait until it takes files."""
        wait_until(self._is_ready, START_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).ok
        return False

    def wait(self) -> int:
        """Wait until it has ended by itself; its exit status."""
        return self._process.wait(START_SECONDS)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Tell it to end, and wait until it has."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(60) == os.EX_OK, self.log


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[ObjectStore]:
    """Start an object store, and end it."""
    with contextlib.closing(ObjectStore(folder)) as store:
        yield store
