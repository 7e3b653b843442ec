from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from backend.app import create_app
from backend.config import ROOT
from backend.model.manifest import read_manifest
from tests.credentials import sign
from tests.fakes import MANIFEST, FakeClassifier, ReadyModel, examine_here
from tests.generators import face_picture


def answer_to(client: FlaskClient, path: Path) -> dict[str, Any]:
    answer = client.post("/predict", data={"file": (io.BytesIO(path.read_bytes()), path.name)})
    assert answer.status_code == 200
    return answer.get_json()


def test_false_alarms_are_told_of_the_model_that_they_were_measured_with_alone(settings, video):
    def fake_span(sha256: str) -> dict[str, Any]:
        ready = ReadyModel(FakeClassifier(), replace(MANIFEST, sha256=sha256))
        answer = answer_to(create_app(settings, ready, examine_here).test_client(), video)
        (anomaly,) = answer["details"]["anomalies"]
        return anomaly

    ours, others = fake_span(read_manifest(ROOT / "temp_model.json").sha256), fake_span("0" * 64)
    assert 0 < ours["false_alarm_rate"] < ours["false_alarm_upper"] < 0.5
    assert others == ours | {"false_alarm_rate": None, "false_alarm_upper": None}


def test_a_picture_is_judged_in_three_views_in_the_same_batch(client, classifier, picture):
    (frame,) = answer_to(client, picture)["details"]["frames"]
    assert classifier.batches == [3] and [face["view_logits"] for face in frame["faces"]] == [[2.0, 2.0, 2.0]]


def test_a_video_is_judged_as_it_is(client, video):
    frames = answer_to(client, video)["details"]["frames"]
    assert {face["view_logits"] for frame in frames for face in frame["faces"]} == {None}


def test_a_score_that_hangs_on_details_is_told(settings, picture):
    class SeesFirst(FakeClassifier):
        def predict(self, crops):
            logits = np.where(np.arange(len(crops)) == 0, 2.0, -2.0).astype(np.float32)
            return 1 / (1 + np.exp(-logits)), np.broadcast_to(logits[:, None, None], (len(crops), 7, 7))

    client = create_app(settings, ReadyModel(SeesFirst(), MANIFEST), examine_here).test_client()
    answer = answer_to(client, picture)
    (anomaly,) = [one for one in answer["details"]["anomalies"] if one["code"] == "unstable_score"]
    (face,) = answer["details"]["frames"][0]["faces"]
    assert face["view_logits"] == [2.0, -2.0, -2.0] and face["logit"] == pytest.approx(-2 / 3, abs=1e-4)
    assert anomaly["value"] == pytest.approx(0.7734, abs=1e-3) and answer["prediction"] == "Real"


def test_content_credentials_and_programs_are_told_as_facts(client, tmp_path):
    path = tmp_path / "made.png"
    info = PngInfo()
    info.add_text("parameters", "a face\nSteps: 20, Sampler: Euler a")
    Image.fromarray(face_picture()).reduce(2).save(path, pnginfo=info)
    answer = answer_to(client, sign(path, source="trainedAlgorithmicMedia"))
    assert answer["details"]["media"]["credentials"] == {"state": "valid", "declares_ai": True}
    assert answer["details"]["media"]["generator"] == "Stable Diffusion"
    facts = answer["details"]["anomalies"][:3]
    assert [fact["code"] for fact in facts] == ["credentials_valid", "credentials_declare_ai", "generator_named"]
    assert {(fact["value"], fact["threshold"], fact["false_alarm_rate"]) for fact in facts} == {(1, 1, None)}
    assert answer["anomalies"][0].startswith("The file carries Content Credentials that fit it")
