"""The service as a user meets it: a real process, the shipped model, real files."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from backend.app import ARENAS_A_CORE
from backend.config import MEBIBYTE, ROOT
from backend.model.manifest import file_sha256, manifest_path, read_manifest
from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.server import running_server, wait_until

MODEL_PATH = ROOT / "temp_model.h5"
ARENA_BYTES = 64 * MEBIBYTE


def test_the_shipped_manifest_belongs_to_the_shipped_model_and_detector():
    manifest = read_manifest(manifest_path(MODEL_PATH))
    assert manifest.sha256 == file_sha256(MODEL_PATH)
    assert manifest.detector_sha256 == file_sha256(ROOT / "backend" / "faces" / "face_detection_yunet_2023mar.onnx")
    assert MODEL_PATH.stat().st_size < 20_000_000


def test_a_real_photograph_is_judged_by_the_shipped_model(server, tmp_path):
    answer = server.predict(write_picture(tmp_path / "astronaut.jpg", face_picture())).json()
    assert answer["prediction"] == "Real"
    assert answer["details"]["basis"] == "face_picture" and answer["details"]["model"]["calibrated"] is True
    assert answer["details"]["model"]["sha256"] == file_sha256(MODEL_PATH)
    (face,) = answer["details"]["frames"][0]["faces"]
    assert abs(np.mean(face["logit_map"]) - face["view_logits"][0]) < 0.001
    assert abs(np.mean(face["view_logits"]) - face["logit"]) < 0.001


def test_a_video_is_judged_and_its_frames_can_be_fetched(server, tmp_path):
    answer = server.predict(write_video(tmp_path / "clip.mp4", face_frames(60))).json()
    assert answer["status"] == "success" and answer["details"]["basis"] == "face_video"
    assert len(answer["frames"]) == 16 and answer["details"]["coverage"]["faces_judged"] == 18
    response = server.get(f"/static/{answer['frames'][0]}")
    picture = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_COLOR)
    assert response.headers["Content-Type"] == "image/jpeg" and picture.shape == (240, 320, 3)
    assert not any(server.uploads.glob("upload-*"))


def test_the_same_file_gets_the_same_logits_again(server, tmp_path):
    path = write_video(tmp_path / "clip.mp4", face_frames(60))
    first, second = ([track["logit"] for track in server.predict(path).json()["details"]["tracks"]] for _ in range(2))
    assert first == second


def test_a_text_file_named_mp4_is_refused_in_json(server, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("This is not a video.")
    response = server.predict(path)
    assert response.status_code == 415 and response.json()["code"] == "unsupported_type"


def test_an_upload_over_the_limit_is_answered_whole_also_when_it_comes_in_chunks(tmp_path):
    with running_server(tmp_path, DETECTOR_UPLOAD_LIMIT="1000000") as server:
        server.wait_for("/readyz", 200)
        path = tmp_path / "large.mp4"
        path.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(5_000_000))
        boundary = "frontier"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'.encode()
        chunks = [head, *[path.read_bytes()[at : at + 65536] for at in range(0, 5_000_000, 65536)]]
        chunked = requests.post(
            server.url + "/predict",
            data=iter([*chunks, f"\r\n--{boundary}--\r\n".encode()]),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": "http://localhost:3000"},
            timeout=30,
        )
        for response in (server.predict(path), chunked):
            assert response.status_code == 413 and response.json()["code"] == "file_too_large"
        assert chunked.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert not any(server.uploads.glob("upload-*"))


def test_old_files_are_purged_at_start_and_young_ones_stay(tmp_path):
    static, uploads = tmp_path / "static", tmp_path / "uploads"
    for folder in (static, uploads):
        folder.mkdir()
        for name, age in (("old", 3700), ("young", 3000)):
            (folder / name).write_bytes(b"x")
            os.utime(folder / name, (time.time() - age,) * 2)
    with running_server(tmp_path):
        wait_until(lambda: not (static / "old").exists() and not (uploads / "old").exists(), 20)
        assert (static / "young").exists() and (uploads / "young").exists()


def test_a_frame_is_gone_after_the_retention(tmp_path):
    with running_server(tmp_path, DETECTOR_RETENTION="2", DETECTOR_PURGE_INTERVAL="1") as server:
        server.wait_for("/readyz", 200)
        answer = server.predict(write_picture(tmp_path / "a.jpg", face_picture())).json()
        path = f"/static/{answer['frames'][0]}"
        assert server.get(path).status_code == 200
        wait_until(lambda: server.get(path).status_code == 404, 20)
        assert server.get(path).json()["code"] == "not_found"


def test_a_service_that_is_stopped_while_its_model_is_loaded_ends_cleanly(tmp_path):
    for tenths in range(6):
        folder = tmp_path / str(tenths)
        folder.mkdir()
        with running_server(folder):  # asserts its exit status
            threading.Event().wait(tenths / 10)


def check_unready(server, reason: str) -> None:
    wait_until(lambda: "model not ready" in server.log, 90)
    response = server.get("/readyz")
    assert response.status_code == 503 and response.json()["code"] == "not_ready"
    assert reason in response.json()["error"]
    assert server.get("/").json()["model"] is None


def test_a_missing_model_leaves_the_service_up_and_unready(tmp_path):
    with running_server(tmp_path, DETECTOR_MODEL_PATH=str(tmp_path / "none.h5")) as server:
        check_unready(server, "no model file")
        assert server.predict(write_picture(tmp_path / "a.jpg", face_picture())).json()["code"] == "not_ready"


def test_a_corrupt_model_leaves_the_service_up_and_unready(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(MODEL_PATH.read_bytes()[:100_000])
    with running_server(tmp_path, DETECTOR_MODEL_PATH=str(path)) as server:
        check_unready(server, "cannot be")


def test_golden_logits_that_do_not_agree_keep_it_unready(tmp_path):
    path = Path(shutil.copy(MODEL_PATH, tmp_path / "model.h5"))
    manifest = manifest_path(MODEL_PATH).read_text()
    golden = str(read_manifest(manifest_path(MODEL_PATH)).golden_logits[0])
    assert golden in manifest
    manifest_path(path).write_text(manifest.replace(golden, str(float(golden) + 1)))
    with running_server(tmp_path, DETECTOR_MODEL_PATH=str(path)) as server:
        check_unready(server, "golden logits differ")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DETECTOR_RETENTION", "soon", "integer"),
        ("DETECTOR_DEVICE", "gpu", "sees no GPU"),
    ],
)
def test_a_setting_that_cannot_be_met_is_named_and_nothing_starts(variable, value, reason):
    environment = os.environ | {variable: value}
    done = subprocess.run(
        [sys.executable, str(ROOT / "backend" / "app.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and variable in done.stderr and reason in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_freed_is_kept_in_few_places(tmp_path):
    """In as many arenas as there are threads, memory seemed to grow for ever, though no more of it was used."""
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with running_server(tmp_path, DETECTOR_THREADS="1", DETECTOR_QUEUE="16") as server:
        server.wait_for("/readyz", 200)
        with ThreadPoolExecutor(16) as pool:
            assert all(answer.status_code == 200 for answer in pool.map(server.predict, [picture] * 64))
        assert count_arenas(server.process.pid) <= ARENAS_A_CORE


def test_workers_use_the_memory_of_one_picture_for_the_next(tmp_path):
    """By default they gave it back, and the kernel cleared the same pages for every picture."""
    picture = write_picture(tmp_path / "a.jpg", cv2.resize(face_picture(), (2400, 2400)))
    with running_server(tmp_path) as server:
        server.wait_for("/readyz", 200)
        for _ in range(6):
            server.predict(picture)
        workers = server.children()
        before = sum(map(pages_cleared, workers))
        for _ in range(4):
            assert server.predict(picture).status_code == 200
        assert sum(map(pages_cleared, workers)) - before < 4 * 2400 * 2400 * 3 / resource.getpagesize() / 8


def pages_cleared(pid: int) -> int:
    """Minor page faults of a process so far."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[7])


def count_arenas(pid: int) -> int:
    """Of glibc's allocator: 64 MiB of address space each, at such a multiple, of which a part is in use."""
    lines = [line.split()[:2] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    ranges = [(*(int(end, 16) for end in span.split("-")), access) for span, access in lines]
    return sum(
        start % ARENA_BYTES == 0 and end - start == ARENA_BYTES and (access, rest) == ("rw-p", "---p")
        for (start, middle, access), (begin, end, rest) in pairwise(ranges)
        if middle == begin
    )


def test_a_taken_port_is_told_with_what_to_do(server):
    port = server.url.rpartition(":")[2]
    environment = os.environ | {"DETECTOR_PORT": port}
    done = subprocess.run(
        [sys.executable, str(ROOT / "backend" / "app.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and f"port {port} is taken" in done.stderr and "AirPlay" in done.stderr
