"""A headless Chromium, with a camera that shows a face, and what it must not do meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Playwright, Request

from tests.generators import face_frames

PROGRAM = "/usr/bin/chromium"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
REFUSALS = "Failed to load resource"  # what Chromium says of every answer that is an error


def launch(playwright: Playwright, camera: Path) -> Browser:
    """Start it; its camera shows the frames of a `.y4m` file, again and again."""
    assert shutil.which(PROGRAM), "Chromium is needed: `make test-web` says how to install it"
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    flags = [*FLAGS, *as_root, f"--use-file-for-fake-video-capture={camera}"]
    return playwright.chromium.launch(executable_path=PROGRAM, args=flags)


def write_camera(path: Path) -> Path:
    """A face that drifts, as YUV4MPEG2."""
    frames = face_frames(20, 480, 640)
    with path.open("wb") as stream:
        stream.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        for frame in frames:
            stream.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


class Watch:
    """What a page did wrong: errors in its script, breaches of its policy, requests to other machines."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: list[str] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and REFUSALS not in message.text:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data", "file") and parts.hostname not in ("localhost", "127.0.0.1"):
            self.faults.append(f"asked {request.url}")


@contextlib.contextmanager
def watched(context: BrowserContext) -> Iterator[BrowserContext]:
    """Close it in the end, and see that it did nothing wrong."""
    watch = Watch(context)
    yield context
    context.close()
    assert watch.faults == []
