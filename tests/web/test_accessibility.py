"""axe finds nothing serious, in every state, in light and dark, on a desk and on a telephone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from backend.config import ROOT
from tests.web.chromium import watched
from tests.web.conftest import PATIENCE, opened
from tests.web.steps import button, drawing, failure, judged, post

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
SCREENS = {"desk": {"width": 1280, "height": 800}, "telephone": {"width": 360, "height": 740}}


@pytest.fixture(params=[(screen, scheme) for screen in SCREENS for scheme in ("light", "dark")], ids="-".join)
def page(request, chromium, site):
    screen, scheme = request.param
    with watched(chromium.new_context(viewport=SCREENS[screen], color_scheme=scheme)) as context:
        context.set_default_timeout(PATIENCE)
        yield opened(context, site)


def audit(page: Page) -> None:
    page.evaluate(AXE.read_text())  # not as a script of the page, which its policy forbids
    found = page.evaluate("axe.run()")["violations"]
    serious = [
        f"{rule['id']}: {rule['help']} ({node['html'][:120]})"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]
    assert serious == []


def check_width(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def check_targets(page: Page) -> None:
    """Buttons and links are large enough for a finger."""
    small = page.locator("button:visible, nav a, summary, .switch").evaluate_all(
        """all => all
            .filter(one => !one.matches(".skip"))
            .map(one => [one.textContent, one.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 44)
            .map(([text]) => text)"""
    )
    assert small == []


def check_all(page: Page) -> None:
    audit(page)
    check_width(page)
    check_targets(page)


def test_empty(page):
    expect(page.locator(".drop")).to_be_visible()
    check_all(page)


def test_verdict(page, files):
    judged(page, files / "two.mp4")
    drawing(page)
    page.locator("summary").click()
    check_all(page)


def test_table_and_failure(page, files, tmp_path):
    (tmp_path / "a-file-with-quite-a-long-name-that-has-no-end.mp4").write_bytes(b"no video")
    post(page, *tmp_path.iterdir(), files / "face.jpg")
    failure(page, "unsupported_type")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("No evidence")
    check_all(page)
    for row in page.locator("tbody tr").all():
        heights = row.get_by_role("button").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert len(heights) == 2 and heights[0] == heights[1]


def test_live(page):
    page.get_by_role("link", name="Live camera").click()
    check_all(page)
    button(page, "Start the camera").click()
    expect(page.locator(".verdict")).to_contain_text("The middle one")
    check_all(page)


def test_report(page, files, tmp_path):
    judged(page, files / "two.mp4")
    with page.expect_download() as waited:
        button(page, "Download report").click()
    waited.value.save_as(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    for summary in page.locator("summary").all():
        summary.click()
    audit(page)
    check_width(page)


def test_everything_can_be_done_with_the_keyboard(page, files):
    judged(page, files / "two.mp4")
    reached = []
    page.locator("body").focus()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
                " || document.activeElement.name"
            )
        )
    text = "|".join(reached)
    for name in ("Skip to the contents", "Files", "Live camera", "Choose files", "Download report", "Delete files now"):
        assert name in text
    assert "Examined instant" in text
    assert "How it was judged" in text


def test_the_focus_is_not_lost_with_the_button_that_was_pressed(page, files):
    judged(page, files / "face.jpg")
    button(page, "Delete files now").press("Enter")
    expect(page.locator(".keeping")).to_contain_text("deleted")
    expect(page.get_by_role("heading", name="face.jpg")).to_be_focused()


def test_progress_is_announced(page, files):
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => {
                const text = document.querySelector("main > [role=status]")?.textContent;
                if (text && text !== window.said.at(-1)) window.said.push(text);
            }).observe(document, { subtree: true, childList: true, characterData: true });
        }"""
    )
    answer = judged(page, files / "two.mp4")
    said = page.evaluate("window.said")
    assert said[0] == "two.mp4: Sending"
    assert said[-1].startswith(f"two.mp4: {answer['details']['headline']}")
    assert len(said) <= 6


def test_movement_is_reduced_where_that_is_asked_for(page):
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".drop").evaluate("one => getComputedStyle(one).transitionDuration") == "0s"
