from __future__ import annotations

import json
import re

import pytest
from prometheus_client import REGISTRY

from backend.api.queues import Queues
from backend.config import ROOT
from tests.app.test_access import app_with
from tests.app.test_errors import PNG, upload
from tests.app.test_predict import post
from tests.generators import face_picture, write_picture
from tests.metrics import counted

DASHBOARD = ROOT / "deploy" / "grafana.json"


def test_they_are_in_the_form_that_prometheus_reads(client):
    response = client.get("/metrics")
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE detector_requests_total counter" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/livez", "/livez", "200"),
        ("GET", "/static/secret.jpg", "/static/<name>", "404"),
        ("POST", "/predict", "/predict", "400"),
        ("GET", "/made-up-by-a-client", "none", "404"),
        ("BREW", "/predict", "none", "405"),
    ],
)
def test_requests_are_counted_by_route_and_status_and_what_clients_make_up_is_no_label(
    client, method, path, route, status
):
    before = counted("detector_requests_total", route=route, status=status)
    client.open(path, method=method)
    assert counted("detector_requests_total", route=route, status=status) == before + 1
    text = client.get("/metrics").get_data(as_text=True)
    assert not re.search("secret|made-up|BREW", text)


def test_a_judged_file_is_counted_with_the_time_of_each_stage(client, tmp_path):
    stages = ("receiving", "decoding", "faces", "network", "drawing", "total")
    before = [counted("detector_stage_seconds_count", stage=stage) for stage in stages]
    verdicts = counted("detector_verdicts_total", verdict="fake", basis="face_picture")
    answer = post(client, write_picture(tmp_path / "a.png", face_picture())).get_json()
    assert set(answer["details"]["timing_ms"]) == set(stages)
    assert [counted("detector_stage_seconds_count", stage=stage) for stage in stages] == [one + 1 for one in before]
    assert counted("detector_verdicts_total", verdict="fake", basis="face_picture") == verdicts + 1


def test_a_file_that_cannot_be_judged_has_no_verdict(client):
    before = client.get("/metrics").get_data(as_text=True).count("detector_verdicts_total{")
    assert upload(client, PNG, "a.png").status_code == 422
    assert client.get("/metrics").get_data(as_text=True).count("detector_verdicts_total{") == before


def test_where_keys_are_asked_for_prometheus_needs_one_too(settings):
    client = app_with(settings, api_keys="key").test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer key"}).status_code == 200


def test_the_dashboard_asks_for_numbers_that_there_are(client):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    asked = set(re.findall(r"\b(?:detector|process)_\w+", queries))
    told = client.get("/metrics").get_data(as_text=True)
    families = [*REGISTRY.collect(), *Queues(dict).describe()]
    offered = {name for family in families for name in (family.name, f"{family.name}_total")}
    offered |= {f"{family.name}_{part}" for family in families for part in ("bucket", "sum", "count")}
    assert asked and asked <= offered
    for family in re.findall(r"# TYPE (detector_\w+) ", told):
        if not family.endswith("_created"):
            assert family in queries, family
