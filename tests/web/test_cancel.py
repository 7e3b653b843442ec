"""Whatever is under way can be cancelled, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.generators import face_frames, write_video
from tests.server import Server, wait_until
from tests.web.steps import button, judged, post

SLOW = 40_000  # bytes a second


@contextmanager
def resting(server: Server) -> Iterator[None]:
    """Let its workers stand still, so that what is examined stays so."""
    workers = server.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            if worker in server.workers():
                os.kill(worker, signal.SIGCONT)


def nothing_is_left(server: Server, before: set[str]) -> bool:
    """Whether there is neither an upload nor a frame that was not there before."""
    return not any(server.uploads.glob("upload-*")) and frames_of(server) <= before


def frames_of(server: Server) -> set[str]:
    return {path.name for path in server.static.glob("*.jpg")}


def post_one(page: Page, path: Path) -> str:
    """Choose a file; the id that its analysis has."""
    with page.expect_request(lambda request: "/predict" in request.url) as sent:
        post(page, path)
    return sent.value.url.partition("id=")[2]


def test_while_it_is_sent(page, context, site, files):
    session = context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)
    before = frames_of(site.server)
    post(page, files / "two.mp4")
    expect(page.locator(".progress__words")).to_contain_text("Sending: ")
    expect(page.get_by_role("progressbar", name="Sent")).to_be_visible()
    button(page, "Cancel").click()
    expect(page.locator(".open")).to_contain_text("Cancelled; nothing of it was kept.")
    wait_until(lambda: nothing_is_left(site.server, before), 10)


def test_while_it_is_examined(page, site, files):
    before = frames_of(site.server)
    with resting(site.server):
        identity = post_one(page, files / "two.mp4")
        expect(page.locator(".progress__words")).to_contain_text("Examining")
        button(page, "Cancel").click()
        expect(page.locator(".progress__words")).to_have_text("Cancelling")
        analysis = f"/analyses/{identity}"
        wait_until(lambda: site.server.get(analysis).json()["state"] == "cancelled", 10)
    expect(page.locator(".open")).to_contain_text("Cancelled; nothing of it was kept.")
    wait_until(lambda: nothing_is_left(site.server, before), 10)


def test_before_its_turn(page, site, files):
    with resting(site.server):
        post(page, files / "two.mp4", files / "face.jpg", files / "face.jpg")
        last = page.locator("tbody tr").nth(2)
        expect(last).to_contain_text("Waiting for the files before it")
        last.get_by_role("button", name="Cancel").click()
        expect(last).to_contain_text("Cancelled")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("No evidence of manipulation found")
    expect(last).to_contain_text("Cancelled")


def test_by_somebody_else(page, site, files):
    with resting(site.server):
        identity = post_one(page, files / "two.mp4")
        expect(page.locator(".progress__words")).to_contain_text("Examining")
        assert site.server.delete(f"/analyses/{identity}").status_code == 200
    expect(page.locator(".open")).to_contain_text("Cancelled; nothing of it was kept.")


def test_what_was_cancelled_can_be_judged_after_all(page, site, files):
    with resting(site.server):
        post(page, files / "face.jpg")
        expect(page.locator(".progress__words")).to_contain_text("Examining")
        button(page, "Cancel").click()
    button(page, "Judge it after all").click()
    expect(page.locator(".verdict")).to_contain_text("No evidence of manipulation found")


def test_the_service_goes_on_after_it(page, site, tmp_path):
    long = write_video(tmp_path / "long.mp4", face_frames(300, 1080, 1920), rate=1)
    post(page, long)
    expect(page.locator(".progress__words")).to_contain_text("instants")
    button(page, "Cancel").click()
    expect(page.locator(".open")).to_contain_text("Cancelled")
    answer = judged(page, write_video(tmp_path / "short.mp4", face_frames(20)))
    assert answer["status"] == "success"
