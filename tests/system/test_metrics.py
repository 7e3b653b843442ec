"""What a real process, with its workers and its purge, tells Prometheus."""

from __future__ import annotations

import os
import signal
import time

from prometheus_client.parser import text_string_to_metric_families

from tests.generators import face_frames, face_picture, write_picture, write_video
from tests.server import Server, running_server, wait_until


def samples(server: Server) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(server.get("/metrics").text)
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_it_counts_what_happened(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    for place in range(3):
        (static / f"{place}").write_bytes(b"x")
        os.utime(static / f"{place}", (time.time() - 7200,) * 2)
    with running_server(tmp_path) as server:
        server.wait_for("/readyz", 200)
        wait_until(lambda: samples(server)["detector_purged_files_total",] == 3, 20)
        before = samples(server)
        assert before["detector_worker_restarts_total",] == before["detector_files_running",] == 0

        assert server.predict(write_video(tmp_path / "a.mp4", face_frames(60))).status_code == 200
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        picture = write_picture(tmp_path / "a.jpg", face_picture())
        judged = [server.predict(picture).json()["details"]["verdict"] for _ in range(4)]

        after = samples(server)
        assert after["detector_requests_total", "/predict", "200"] == 5
        assert after["detector_verdicts_total", "face_picture", judged[0]] == 4
        assert after["detector_stage_seconds_count", "faces"] == 5
        assert after["detector_worker_restarts_total",] >= 1
        crops = "detector_network_batch_crops_sum"
        assert after[crops,] - before[crops,] == 18 + 4 * 3  # of a picture, three views
        assert after["detector_files_waiting",] == 0 and after["process_resident_memory_bytes",] > 0
