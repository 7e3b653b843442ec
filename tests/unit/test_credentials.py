from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from backend.config import ROOT
from backend.domain import Credentials
from backend.media.credentials import read_credentials
from backend.media.signatures import Container
from tests.credentials import sign
from tests.generators import face_picture, numbered_frames, write_picture, write_video

CONTAINERS: dict[str, Container] = {".jpg": "jpeg", ".png": "png", ".mp4": "mp4", ".avi": "avi"}


def plain_file(folder: Path, ending: str) -> Path:
    path = folder / f"plain{ending}"
    if ending in (".mp4", ".avi"):
        return write_video(path, numbered_frames(12), codec="libx264" if ending == ".mp4" else "mpeg4")
    return write_picture(path, face_picture())


def read(path: Path) -> Credentials | None:
    return read_credentials(path, CONTAINERS[path.suffix])


@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_file_without_any_has_none(tmp_path, ending):
    assert read(plain_file(tmp_path, ending)) is None


@pytest.mark.parametrize("ending", CONTAINERS)
def test_what_was_signed_and_left_alone_is_valid(tmp_path, ending):
    assert read(sign(plain_file(tmp_path, ending))) == Credentials("valid", declares_ai=False)


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("source", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_generative_ai_is_declared(tmp_path, ending, source):
    assert read(sign(plain_file(tmp_path, ending), source=source)) == Credentials("valid", declares_ai=True)


@pytest.mark.parametrize("ending", CONTAINERS)
def test_what_was_changed_since_it_was_signed_is_invalid(tmp_path, ending):
    path = sign(plain_file(tmp_path, ending), source="trainedAlgorithmicMedia")
    contents, plain = bytearray(path.read_bytes()), plain_file(tmp_path, ending).read_bytes()
    windows = (plain[start : start + 64] for start in range(len(plain) // 4, len(plain)))
    pixels = next(window for window in windows if len(set(window)) > 32)
    contents[contents.index(pixels)] ^= 1
    path.write_bytes(contents)
    assert read(path) == Credentials("invalid", declares_ai=True)


def test_damaged_credentials_are_invalid(tmp_path):
    path = sign(plain_file(tmp_path, ".png"))
    contents = path.read_bytes()
    assert contents.count(b"jumdc2ma") == 1  # the one manifest's description
    path.write_bytes(contents.replace(b"jumdc2ma", b"jumdxxxx"))
    assert read(path) == Credentials("invalid", declares_ai=False)


def test_credentials_on_a_server_are_not_fetched(tmp_path):
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        path = sign(plain_file(tmp_path, ".jpg"), kept_at=f"http://127.0.0.1:{server.server_port}/manifest")
        assert read(path) == Credentials("elsewhere", declares_ai=False)
        server.shutdown()
        thread.join()
    assert asked == []


def test_noise_that_looks_like_credentials_has_none(tmp_path):
    path = plain_file(tmp_path, ".png")
    random = np.random.default_rng(0)
    path.write_bytes(path.read_bytes() + b"c2pa" + random.bytes(1000))
    assert read(path) is None


def test_the_library_is_loaded_only_for_files_that_may_have_credentials(tmp_path):
    path = plain_file(tmp_path, ".jpg")
    program = (
        "import sys\nfrom pathlib import Path\nfrom backend.media.credentials import read_credentials\n"
        f"read_credentials(Path({str(path)!r}), 'jpeg')\nprint('c2pa' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
