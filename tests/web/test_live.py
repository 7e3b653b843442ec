"""The camera's picture, judged while it is shown. Chromium's camera shows a file with a face."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.server import wait_until
from tests.web.steps import button, is_verdict, pixels_of


def start(page):
    page.get_by_role("link", name="Live camera").click()
    button(page, "Start the camera").click()


def test_a_few_pictures_a_second_are_judged_and_nothing_is_stored(page, site):
    before = {path.name for path in site.server.static.glob("*.jpg")}
    answers = []
    page.on("response", lambda response: answers.append(response) if is_verdict(response) else None)
    start(page)
    expect(page.locator(".history li").nth(7)).to_be_visible()
    pace = page.evaluate(
        """() => {
            const sent = performance.getEntriesByType("resource").filter(entry => entry.name.includes("/predict"));
            return (sent.at(-1).startTime - sent[0].startTime) / (sent.length - 1);
        }"""
    )
    assert 200 <= pace <= 1500
    assert all("store=false" in response.url and response.status == 200 for response in answers)
    button(page, "Stop the camera").click()
    assert {path.name for path in site.server.static.glob("*.jpg")} == before


def test_box_and_score_are_drawn_over_the_picture_and_a_verdict_runs(page):
    start(page)
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("The middle one of the last")
    expect(verdict).to_contain_text("No evidence of manipulation found")
    expect(verdict).to_contain_text("real pictures")
    assert (pixels_of(page.locator(".live__picture canvas"))[..., 3] > 250).sum() > 300
    sizes = page.locator(".live__picture").evaluate(
        "element => [...element.querySelectorAll('video, canvas')].map(one => one.getBoundingClientRect().width)"
    )
    assert sizes[0] == sizes[1]


def test_it_stops_when_the_button_or_another_view_is_chosen(page):
    start(page)
    stream = "document.querySelector('video').srcObject"
    is_off = "window.stream.getTracks().every(track => track.readyState === 'ended')"
    wait_until(lambda: page.evaluate(f"Boolean(window.stream = {stream})"), 10)
    button(page, "Stop the camera").click()
    wait_until(lambda: page.evaluate(is_off), 10)
    button(page, "Start the camera").click()
    wait_until(lambda: page.evaluate(f"Boolean(window.stream = {stream})"), 10)
    page.get_by_role("link", name="Files").click()
    expect(page.locator(".drop")).to_be_visible()
    wait_until(lambda: page.evaluate(is_off), 10)


def test_without_a_camera_it_is_said_why(page):
    page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
        }"""
    )
    start(page)
    expect(page.locator('[data-code="no_camera"]')).to_have_text("No camera was found.")
    expect(button(page, "Start the camera")).to_be_visible()


def test_when_the_browser_refuses_the_camera_it_is_said_how_to_allow_it(page):
    page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
        }"""
    )
    start(page)
    expect(page.locator('[data-code="no_camera"]')).to_contain_text("Allow it beside the address")
