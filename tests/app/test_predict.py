from __future__ import annotations

import hashlib
import io
import logging
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.app import create_app
from backend.config import ROOT, Settings
from backend.domain import Calibration
from tests.fakes import MANIFEST, FakeClassifier, ReadyModel, examine_here
from tests.generators import face_frames, face_picture, numbered_frames, write_picture, write_video


def post(client: FlaskClient, path: Path, name: str | None = None) -> TestResponse:
    return client.post("/predict", data={"file": (io.BytesIO(path.read_bytes()), name or path.name)})


def test_the_service_around_a_classifier_does_without_tensorflow_and_keras():
    program = (
        "import sys, backend.app, backend.isolation, tests.fakes\n"
        "print(sorted({'tensorflow', 'keras', 'openvino'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_video_is_answered_as_the_contract_says(client, video):
    answer = post(client, video).get_json()
    assert list(answer) == ["status", "prediction", "confidence", "frames", "anomalies", "details"]
    assert answer["status"] == "success" and answer["prediction"] == "Fake"
    assert answer["confidence"] == round(Calibration(2.0, 0.0).fake_probability(2.0), 4)
    details = answer["details"]
    assert details["verdict"] == "fake" and details["basis"] == "face_video"
    assert details["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    bits = details["media"].pop("bits_per_pixel")
    assert 0.9 < bits * 320 * 240 * 50 / 8 / video.stat().st_size < 1  # all of the file that is not its frame
    assert details["media"] == {
        "kind": "video",
        "container": "mp4",
        "codec": "h264",
        "width": 320,
        "height": 240,
        "rotation": 0,
        "duration": 2.0,
        "frames_per_second": 25.0,
        "editor": None,
        "generator": None,
        "credentials": None,
    }
    assert details["coverage"] == {
        "instants_examined": 16,
        "frames_examined": 18,
        "faces_judged": 18,
        "not_examined": ["sound", "the time between the examined instants"],
    }
    assert details["model"]["version"] == "test-1" and details["model"]["calibrated"] is True
    assert details["model"]["error_rates"]["face_video"]["real_called_fake"]["value"] == 0.05
    assert set(details["timing_ms"]) == {"receiving", "decoding", "faces", "network", "drawing", "total"}
    expires = datetime.fromisoformat(details["expires_at"].replace("Z", "+00:00"))
    assert abs(expires - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=30)


def test_frames_and_details_go_together_in_time_order(client, video):
    answer = post(client, video).get_json()
    frames = answer["details"]["frames"]
    assert len(answer["frames"]) == len(frames) == 16
    assert [f"/static/{name}" for name in answer["frames"]] == [frame["annotated_url"] for frame in frames]
    times = [frame["time"] for frame in frames]
    assert times == sorted(times) and times[-1] < 2.0
    face = frames[0]["faces"][0]
    assert face["track"] == 1 and face["fake_probability"] == answer["confidence"]
    assert np.array(face["logit_map"]).shape == (7, 7) and np.mean(face["logit_map"]) == pytest.approx(2.0)
    x, y, width, height = face["box"]
    assert x >= 0 and x + width <= 320 and y >= 0 and y + height <= 240 and height > 60
    (track,) = answer["details"]["tracks"]
    assert track["instants"] == 16 and track["judged"] is True and track["flicker"] == 0.0


def test_anomalies_are_told_in_words_and_in_numbers(client, video):
    answer = post(client, video).get_json()
    (sentence,) = answer["anomalies"]
    assert re.fullmatch(r"Face 1 scores as fake from 0\.\d s to 1\.\d s \(16 instants, 98 % on average\)\.", sentence)
    (anomaly,) = answer["details"]["anomalies"]
    assert anomaly["code"] == "fake_span" and anomaly["track"] == 1
    assert (anomaly["value"], anomaly["threshold"]) == (16, 3)
    assert anomaly["time_span"] == [answer["details"]["frames"][0]["time"], answer["details"]["frames"][-1]["time"]]


def test_each_frame_tells_its_size_in_the_source_though_what_is_stored_is_smaller(client, tmp_path):
    large = write_picture(tmp_path / "large.jpg", face_frames(1, 1001, 1507)[0])
    (frame,) = post(client, large).get_json()["details"]["frames"]
    assert (frame["width"], frame["height"]) == (1507, 1001)
    with client.get(frame["plain_url"]) as response:
        stored = cv2.imdecode(np.frombuffer(response.data, np.uint8), cv2.IMREAD_COLOR)
    assert max(stored.shape) == 960


def test_both_jpegs_of_a_frame_are_served(client, video):
    frame = post(client, video).get_json()["details"]["frames"][0]
    pictures = []
    for url in (frame["annotated_url"], frame["plain_url"]):
        with client.get(url) as response:
            assert response.status_code == 200 and response.mimetype == "image/jpeg"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "private" in response.headers["Cache-Control"] and "public" not in response.headers["Cache-Control"]
            pictures.append(cv2.imdecode(np.frombuffer(response.data, np.uint8), cv2.IMREAD_COLOR))
    annotated, plain = pictures
    assert annotated.shape == plain.shape == (240, 320, 3)
    assert np.abs(annotated.astype(int) - plain).mean() > 2


def test_a_picture_with_a_face_is_answered(client, picture):
    answer = post(client, picture).get_json()
    assert answer["details"]["basis"] == "face_picture" and len(answer["frames"]) == 1
    assert answer["details"]["media"]["kind"] == "picture" and answer["details"]["media"]["duration"] is None
    assert answer["details"]["coverage"]["not_examined"] == []


@pytest.mark.parametrize("kind", ["png", "mp4"])
def test_without_a_face_the_whole_frame_is_classified_and_nothing_is_concluded(client, classifier, tmp_path, kind):
    classifier.logit = 9.0
    if kind == "png":
        path = write_picture(tmp_path / "a.png", np.full((90, 120, 3), 90, np.uint8))
    else:
        path = write_video(tmp_path / "a.mp4", numbered_frames(30))
    answer = post(client, path).get_json()
    assert answer["prediction"] == "Fake" and answer["details"]["verdict"] == "inconclusive"
    assert answer["details"]["basis"] == "whole_frame" and answer["details"]["coverage"]["faces_judged"] == 0
    assert answer["details"]["frames"][0]["faces"][0]["box"] is None
    (sentence,) = answer["anomalies"]
    assert sentence.startswith("No face was found")


@pytest.mark.parametrize(
    ("logit", "prediction", "verdict", "confidence"),
    [
        (-3.0, "Real", "real", 0.9975),
        (-0.1, "Real", "inconclusive", 0.5498),
        (0.0, "Fake", "inconclusive", 0.5),
        (50.0, "Fake", "fake", 0.9999),
        (-50.0, "Real", "real", 0.9999),
    ],
)
def test_confidence_is_that_of_the_prediction_and_never_certain(
    client, classifier, picture, logit, prediction, verdict, confidence
):
    classifier.logit = logit
    answer = post(client, picture).get_json()
    assert (answer["prediction"], answer["details"]["verdict"], answer["confidence"]) == (
        prediction,
        verdict,
        confidence,
    )
    assert 0.0001 <= answer["details"]["fake_probability"] <= 0.9999


def test_the_same_file_gets_the_same_answer(client, video):
    first, second = (post(client, video).get_json() for _ in range(2))
    for answer in (first, second):
        for name in ("id", "timing_ms", "expires_at"):
            del answer["details"][name]
        for frame in answer["details"]["frames"]:
            del frame["annotated_url"], frame["plain_url"]
        del answer["frames"]
    assert first == second


def test_every_face_is_classified_once(client, classifier, video):
    post(client, video)
    assert sum(classifier.batches) == 18


def test_allowed_content_under_another_allowed_extension_is_accepted(client, picture, video):
    assert post(client, picture, "face.mp4").get_json()["details"]["media"]["kind"] == "picture"
    assert post(client, video, "clip.png").get_json()["details"]["media"]["kind"] == "video"


def test_a_model_without_a_manifest_is_said_to_be_uncalibrated(settings, picture):
    from backend.model.manifest import foreign_manifest

    client = create_app(
        settings, ReadyModel(FakeClassifier(3.0), foreign_manifest("ab" * 32)), examine_here
    ).test_client()
    answer = post(client, picture).get_json()
    assert answer["details"]["model"]["calibrated"] is False
    assert answer["details"]["frames"][0]["faces"][0]["logit_map"] is None
    assert answer["prediction"] == "Fake" and answer["details"]["verdict"] == "inconclusive"


def test_two_faces_that_disagree_are_told_apart(settings, tmp_path):
    class ByBrightness(FakeClassifier):
        def predict(self, crops):
            logits = np.where(crops.mean(axis=(1, 2, 3)) > 90, 4.0, -4.0).astype(np.float32)
            return 1 / (1 + np.exp(-logits)), np.broadcast_to(logits[:, None, None], (len(crops), 7, 7))

    bright, dark = face_picture()[:256, 96:352], face_picture()[:256, 96:352] // 3
    path = write_picture(tmp_path / "two.png", np.concatenate([bright, dark], axis=1))
    client = create_app(settings, ReadyModel(ByBrightness(), MANIFEST), examine_here).test_client()
    answer = post(client, path).get_json()
    assert answer["prediction"] == "Fake"
    assert sorted(track["fake_probability"] > 0.5 for track in answer["details"]["tracks"]) == [False, True]
    assert "faces_disagree" in [anomaly["code"] for anomaly in answer["details"]["anomalies"]]


def test_the_upload_is_gone_when_the_request_ends_also_when_it_fails(client, settings, video, tmp_path):
    post(client, video)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.read_bytes()[:2000])
    assert post(client, broken).status_code == 422
    assert post(client, video, "clip.exe").status_code == 415
    assert list(settings.upload_folder.iterdir()) == []


def test_one_line_is_logged_and_the_name_of_the_upload_is_in_none(client, video, caplog):
    with caplog.at_level(logging.DEBUG):
        response = post(client, video, "secret-name.mp4")
    (record,) = [record for record in caplog.records if record.name == "backend.requests"]
    facts = vars(record)
    assert facts["request_id"] == response.headers["X-Request-ID"] == response.get_json()["details"]["id"]
    assert facts["status"] == 200 and facts["bytes"] == video.stat().st_size and facts["verdict"] == "fake"
    assert set(facts["timing_ms"]) == {"receiving", "decoding", "faces", "network", "drawing", "total"}
    assert "secret-name" not in caplog.text and not any("secret-name" in str(vars(one)) for one in caplog.records)


def test_settings_that_change_the_answer_are_told(settings: Settings, video):
    client = create_app(
        settings.model_copy(update={"instants": 5}), ReadyModel(FakeClassifier()), examine_here
    ).test_client()
    answer = post(client, video).get_json()
    assert len(answer["frames"]) == 5
    assert answer["details"]["settings"] == {
        "instants": 5,
        "faces_per_frame": 8,
        "crop_margin": 0.95,
        "detector_threshold": 0.7,
        "precision": "auto",
    }
