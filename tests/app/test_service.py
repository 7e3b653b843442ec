from __future__ import annotations

import pytest

ORIGIN = "http://localhost:3000"


def test_the_index_tells_what_the_service_is_without_touching_the_model(client, classifier):
    answer = client.get("/").get_json()
    assert answer["status"] == "ok" and answer["service"] == "deepfake-detector"
    assert answer["model"]["version"] == "test-1" and answer["model"]["sha256"] == "0" * 64
    assert answer["limits"] == {
        "upload_bytes": 2_000_000,
        "extensions": ["avi", "jpeg", "jpg", "mov", "mp4", "png"],
        "picture_pixels": 64_000_000,
        "picture_side": 16_384,
        "retention_seconds": 3600,
    }
    assert classifier.batches == []


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_probes_are_answered(client, path):
    assert client.get(path).get_json() == {"status": "ok"}


def test_answers_name_the_model_and_the_request(client):
    response = client.get("/")
    assert response.headers["X-Model-Version"] == "test-1" and len(response.headers["X-Request-ID"]) == 16


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/predict"), ("GET", "/static/none.jpg")])
def test_the_page_may_read_every_answer_also_errors(client, method, path):
    response = client.open(path, method=method, headers={"Origin": ORIGIN})
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = {name.strip() for name in response.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {"X-Request-ID", "X-Model-Version", "Retry-After"}


@pytest.mark.parametrize("origin", ["http://localhost:3001", "http://127.0.0.1:3000", "https://localhost:3000", "null"])
def test_no_other_origin_may(client, origin):
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": origin}).headers


def test_a_preflight_is_answered(client):
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}
    response = client.options(f"/analyses/{'0' * 32}", headers=headers)
    assert response.status_code == 200 and response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
