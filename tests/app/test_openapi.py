from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from backend import errors
from backend.api.docs import FILES, START
from backend.api.errors import HTTP_CODES
from backend.api.openapi import OPERATIONS, error_examples
from backend.config import ROOT
from tests.app.test_access import app_with


@pytest.fixture
def document(client) -> dict:
    return client.get("/openapi.json").get_json()


def test_it_describes_every_route_but_its_own(app: Flask, document):
    assert document["openapi"] == "3.1.0"
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("docs.")}
    assert routes == set(OPERATIONS)
    assert list(document["paths"]) == [
        "/",
        "/analyses/{identity}",
        "/livez",
        "/metrics",
        "/predict",
        "/readyz",
        "/static/{name}",
    ]


def test_every_reference_leads_somewhere(document):
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))
    assert {"Success", "Failure", "Details", "Media", "ErrorRates"} <= references
    assert references <= set(document["components"]["schemas"])


def test_every_code_has_an_example_where_it_can_happen(document):
    known = {kind.code for kind in errors.DetectorError.__subclasses__()} | {code for code, _ in HTTP_CODES.values()}
    assert set(error_examples()) == known
    shown = {}
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                for code, example in response["content"].get("application/json", {}).get("examples", {}).items():
                    shown[code] = example["value"]
                    assert example["value"]["code"] == code and example["value"]["error"].endswith(".")
                    assert error_examples()[code][0] == int(status)
    assert known - set(shown) == {"unauthorized", "method_not_allowed"}  # not without keys; not for what is described


def test_a_key_is_asked_for_where_the_service_asks_for_one(settings, document):
    locked = app_with(settings, api_keys="key").test_client().get("/openapi.json").get_json()
    assert locked["paths"]["/predict"]["post"]["security"] == [{"key": []}]
    assert "401" in locked["paths"]["/metrics"]["get"]["responses"]
    assert locked["paths"]["/livez"]["get"]["security"] == document["paths"]["/predict"]["post"]["security"] == []


def test_the_page_runs_what_is_here_and_nothing_else(client):
    response = client.get("/docs")
    page = response.get_data(as_text=True)
    assert response.mimetype == "text/html" and "//" not in page
    policy = response.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1 and "script-src 'self';" in policy[0] and "http" not in policy[0]
    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {path.removeprefix("/docs/") for path in asked} == FILES | {START}
    for path in asked:
        with client.get(path) as file:
            assert file.status_code == 200 and len(file.data) > 50
            assert file.headers["Content-Security-Policy"].startswith("default-src 'none'; base-uri")
    assert "/openapi.json" in client.get(f"/docs/{START}").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/docs/", "/docs/swagger-ui.js", "/docs/../app.py", "/docs/index.css"])
def test_nothing_else_of_the_viewer_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_documents_need_no_key(settings):
    client = app_with(settings, api_keys="key").test_client()
    for path in ("/openapi.json", "/docs", f"/docs/{START}"):
        assert client.get(path).status_code == 200


def test_the_readme_documents_every_field_of_details(document):
    schemas = document["components"]["schemas"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| field of `details` |") :].split("\n\n")[0]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == list(fields_of(schemas["Details"], schemas))


def fields_of(schema: dict, schemas: dict, path: str = "") -> Iterator[str]:
    """Paths of all fields that hold no others; a rate counts as one."""
    for option in [schema, *schema.get("anyOf", [])]:
        name = option.get("$ref", "").rpartition("/")[2]
        described = schemas.get(name, option)
        inner = [(f"{path}.{field}", value) for field, value in described.get("properties", {}).items()]
        inner += [(f"{path}[]", value) for value in [described.get("items", {})] if "$ref" in value]
        inner += [(f"{path}.<basis>", value) for value in [described.get("additionalProperties")] if has_fields(value)]
        if inner and name != "Rate":
            for place, value in inner:
                yield from fields_of(value, schemas, place)
            return
    yield path.removeprefix(".")


def has_fields(schema: object) -> bool:
    return isinstance(schema, dict) and "$ref" in schema
