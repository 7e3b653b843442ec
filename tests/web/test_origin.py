"""The page where users find it, on port 3000, and what pages of other origins may do."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.server import running_server
from tests.web.steps import judged

ASK = """api => fetch(api).then(response => response.json()).then(body => body.status, error => error.name)"""


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A service with the settings that it is shipped with, but for its own port."""
    with running_server(tmp_path_factory.mktemp("origin"), DETECTOR_PAGE_PORT="3000") as server:
        server.wait_for("/readyz", 200)
        yield server.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("address", ["http://localhost:3000", "http://127.0.0.1:3000"])
def test_the_page_on_port_3000_may_call_the_service(context, api, files, address):
    page = context.new_page()
    page.goto(address)
    expect(page).to_have_url("http://localhost:3000/")
    assert judged(page, files / "face.jpg")["status"] == "success"
    assert page.evaluate(ASK, api) == "ok"


def test_a_page_of_another_origin_may_not(chromium, api):
    with chromium.new_context() as context:
        context.route("http://localhost:3001/", lambda route: route.fulfill(body="<!doctype html>"))
        page = context.new_page()
        page.goto("http://localhost:3001/")
        assert page.evaluate(ASK, api) == "TypeError"


def test_the_policy_of_the_page_lets_it_call_nothing_but_the_service(chromium, api):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto("http://localhost:3000/")
        breaches = page.evaluate(
            """async () => {
                const breaches = [];
                document.addEventListener("securitypolicyviolation", event => breaches.push(event.effectiveDirective));
                await fetch("http://localhost:3001/").catch(() => {});
                const script = document.createElement("script");
                script.textContent = "window.ran = true";
                document.head.append(script);
                document.body.setAttribute("style", "color: red");
                await new Promise(resolve => setTimeout(resolve));
                return [...breaches, String(window.ran)];
            }"""
        )
        assert breaches == ["connect-src", "script-src-elem", "style-src-attr", "undefined"]
