"""The command line as a user meets it: a real process, the shipped model, real files."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.cli import UninterruptedPool
from backend.config import ROOT
from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.server import wait_until


def start(*arguments: object, **settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "backend.cli", "scan", *map(str, arguments)]
    environment = os.environ | settings
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that a shell has put into the background would hand on that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(*arguments: object, **settings: str) -> tuple[int, str, str]:
    process = start(*arguments, **settings)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture, a video below, a damaged picture, and a text that nobody asked about."""
    folder = tmp_path / "files"
    (folder / "below").mkdir(parents=True)
    write_picture(folder / "=face.jpg", face_picture())
    write_video(folder / "below" / "clip.mp4", face_frames(20))
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / "notes.txt").write_text("not looked at")
    return folder


def test_a_folder_is_scanned_with_all_below_it_and_the_service_says_the_same(folder, server):
    status, output, errors = run(folder, "--json")
    found = {Path(line["path"]).name: line for line in map(json.loads, output.splitlines())}
    assert sorted(found) == ["=face.jpg", "clip.mp4", "damaged.png"]
    assert found["damaged.png"]["code"] == "unreadable_media" and found["damaged.png"]["verdict"] is None
    for path in (folder / "=face.jpg", folder / "below" / "clip.mp4"):
        answer = server.predict(path).json()
        line = found[path.name]
        assert [line[name] for name in ("prediction", "confidence", "anomalies")] == [
            answer[name] for name in ("prediction", "confidence", "anomalies")
        ]
        assert [line[name] for name in ("verdict", "basis", "fake_probability", "sha256")] == [
            answer["details"][name] for name in ("verdict", "basis", "fake_probability", "sha256")
        ]
        assert line["model_version"] == answer["details"]["model"]["version"]
    assert status == (1 if any(line["verdict"] == "fake" for line in found.values()) else 2)
    assert errors in ("", "WARNING workers are in no sandbox, or in a part of one\n")


def test_a_link_to_a_file_elsewhere_is_followed(folder, tmp_path):
    elsewhere = write_picture(tmp_path / "elsewhere.jpg", face_picture())
    (folder / "below" / "link.jpg").symlink_to(elsewhere)
    _, output, _ = run(folder / "below", "--json")
    (link,) = (line for line in map(json.loads, output.splitlines()) if line["path"].endswith("link.jpg"))
    assert link["verdict"] == "real"


def test_without_a_format_a_person_can_read_it(folder):
    status, output, _ = run(folder / "=face.jpg")
    told = r"=face\.jpg: No evidence of manipulation found \(Real, \d\d %\)\n1 files: 0 fake, 1 real, 0 inconclusive"
    assert re.search(told, output)
    assert status == 0


@pytest.mark.parametrize("form", ["csv", "html"])
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path, form):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    random = np.random.default_rng(0)
    for place in range(30):
        write_picture(pictures / f"{place}.png", random.integers(0, 255, (600, 600, 3), np.uint8))
    output = tmp_path / f"out.{form}"
    process = start(pictures, f"--{form}", "--output", output)
    wait_until(lambda: output.exists() and sum(".png" in line for line in output.read_text().splitlines()) > 2, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with output.open("a") as torn:
        torn.write('{"path": "half a li')
    before = [line for line in output.read_text().splitlines() if ".png" in line]
    assert 2 < len(before) < 30

    status, _, _ = run(pictures, f"--{form}", "--output", output)
    lines = [line for line in output.read_text().splitlines() if ".png" in line]
    assert status == 0 and len(lines) == 30 and len(set(lines)) == 30
    assert lines[: len(before)] == before
    if form == "csv":
        with output.open(newline="") as stream:
            assert {row["verdict"] for row in csv.DictReader(stream)} == {"inconclusive"}
    if form == "html":
        page = output.read_text()
        assert "30 files: 0 fake, 0 real, 30 inconclusive, 0 not judged" in page and page.endswith("</html>\n")
        assert not re.search(r"<script|<img|src=|href=|url\(", page)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Also where a shell that put the tests into the background has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_until_the_thread_that_is_being_started_is_known_and_then_for_its_work(monkeypatch):
    done = threading.Event()
    start = threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        start(thread)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    with pytest.raises(KeyboardInterrupt), UninterruptedPool(1) as pool:
        pool.submit(lambda: done.wait(0.3) or done.set())
    assert done.is_set()


def test_it_can_be_interrupted(tmp_path):
    path = write_video(tmp_path / "long.mp4", face_frames(250, 480, 640), key_every=250)
    output = tmp_path / "out.jsonl"
    process = start(path, write_picture(tmp_path / "a.jpg", face_picture()), "--json", "--output", output)
    wait_until(output.exists, 60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Interrupted" in errors and "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["nothing-here"], {}, "no file or folder nothing-here"),
        ([], {}, "PATH"),
        ([ROOT / "tests", "--json", "--csv"], {}, "not allowed with"),
        ([ROOT / "tests", "--output", "out"], {}, "--output needs --json, --csv or --html"),
        ([ROOT / "tests"], {"DETECTOR_INSTANTS": "none"}, "DETECTOR_INSTANTS"),
        ([ROOT / "tests"], {"DETECTOR_MODEL_PATH": "none.h5"}, "There is no model file"),
        ([ROOT / "tests", "--csv", "--output", ROOT / "README.md"], {}, "is not the output of such a command"),
        ([ROOT / "tests", "--html", "--output", ROOT / "tests"], {}, "cannot be written: Is a directory"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(arguments, settings, words):
    status, output, errors = run(*arguments, **settings)
    assert status == 2 and words in errors and output == "" and "Traceback" not in errors
