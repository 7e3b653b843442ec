from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.app import create_app
from backend.config import Settings
from tests.app.test_errors import PNG, check, upload
from tests.fakes import FakeClassifier, ReadyModel, examine_here

ORIGIN = "http://localhost:3000"
KEYS = ("first-key", "zweiter Schlüssel")


def app_with(settings: Settings, **changed: object) -> Flask:
    return create_app(Settings(**{**settings.model_dump(), **changed}), ReadyModel(FakeClassifier()), examine_here)


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/static/a.jpg", "/nothing"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.2", "localhost@evil.example", "[::2]", "[::1", "::1", ""],
)
def test_a_request_to_another_host_is_refused(client, path, host):
    check(client.get(path, headers={"Host": host}), 400, "host_not_allowed", "does not answer to that host")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:81", "LOCALHOST:5000", "[::1]", "[::1]:5000"]
)
def test_this_machine_is_answered_on_any_port(client, host):
    assert client.get("/livez", headers={"Host": host}).status_code == 200


def test_configured_hosts_take_the_place_of_the_defaults(settings):
    client = app_with(settings, allowed_hosts="detector.example").test_client()
    assert client.get("/livez", headers={"Host": "detector.example:8080"}).status_code == 200
    check(client.get("/livez"), 400, "host_not_allowed", "host name")


def test_a_configured_host_may_be_an_address_of_ipv6_or_written_in_capitals(settings):
    for configured, host in (("[2001:db8::1]", "[2001:DB8::1]:80"), ("Detector.Example", "detector.EXAMPLE")):
        client = app_with(settings, allowed_hosts=configured).test_client()
        assert client.get("/livez", headers={"Host": host}).status_code == 200


def test_a_forwarded_host_is_not_believed(client):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost", "Forwarded": "host=localhost"}
    assert client.get("/livez", headers=headers).status_code == 400


@pytest.fixture
def locked(settings: Settings) -> FlaskClient:
    return app_with(settings, api_keys=",".join(KEYS)).test_client()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "first-key"},
        {"Authorization": "Basic first-key"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer first"},
        {"Authorization": "Bearer first-key,zweiter Schlüssel".encode().decode("latin-1")},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/predict"), ("GET", "/nothing")])
def test_without_a_known_key_nothing_is_told(locked, headers, method, path):
    response = locked.open(path, method=method, headers={"Origin": ORIGIN, **headers})
    check(response, 401, "unauthorized", "Authorization: Bearer")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("key", KEYS)
def test_every_key_opens(locked, key):
    header = f"Bearer {key}".encode().decode("latin-1")  # as a server hands it on: bytes as latin-1
    assert locked.get("/", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), (f"/static/{'0' * 32}.jpg", 404)])
def test_probes_and_frames_need_no_key(locked, path, status):
    assert locked.get(path).status_code == status


def test_a_preflight_needs_no_key(locked):
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    response = locked.options("/predict", headers=headers)
    assert response.status_code == 200 and "authorization" in response.headers["Access-Control-Allow-Headers"]


def test_one_client_may_send_as_many_files_as_are_set_and_others_too(settings):
    client = app_with(settings, rate_limit="2 per minute").test_client()
    for _ in range(2):
        assert upload(client, PNG, "a.png").status_code == 422
    response = upload(client, PNG, "a.png")
    check(response, 429, "too_many_requests", "At most 2 per 1 minute")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert client.get("/").status_code == client.get("/livez").status_code == 200
    assert client.options("/predict").status_code == 200
    other = client.post("/predict", environ_overrides={"REMOTE_ADDR": "10.0.0.2"})
    assert other.status_code == 400


def test_addresses_of_one_ipv6_network_count_as_one_client(settings):
    client = app_with(settings, rate_limit="1 per hour").test_client()
    addresses = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    statuses = [client.post("/predict", environ_overrides={"REMOTE_ADDR": one}).status_code for one in addresses]
    assert statuses == [400, 429, 400]


def test_an_address_that_a_client_claims_does_not_count(settings):
    client = app_with(settings, rate_limit="1 per hour").test_client()
    statuses = [
        client.post("/predict", headers={"X-Forwarded-For": f"10.0.0.{place}"}).status_code for place in range(3)
    ]
    assert statuses == [400, 429, 429]
