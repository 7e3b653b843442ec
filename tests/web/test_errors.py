"""Every failure is told in a sentence, with what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.generators import face_frames, face_picture, write_picture, write_sound, write_video
from tests.web.conftest import opened
from tests.web.service import Site, running_site
from tests.web.steps import button, drawing, failure, judged, post
from tests.web.test_cancel import resting


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that takes little: one file at a time, small ones, of few pixels."""
    settings = {"ANALYSES": "1", "QUEUE": "0", "UPLOAD_LIMIT": "400000", "PICTURE_PIXELS": "300000"}
    prefixed = {f"DETECTOR_{name}": value for name, value in settings.items()}
    with running_site(tmp_path_factory.mktemp("narrow"), **prefixed) as running:
        running.server.wait_for("/readyz", 200)
        yield running


def text_as_video(path):
    path.write_bytes(b"This is no video, whatever its name says.")


def half_a_video(path):
    whole = write_video(path, face_frames(20)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "write", "code", "help_"),
    [
        ("notes.txt", text_as_video, "unsupported_type", "Only avi, jpeg, jpg, mov, mp4 and png files are judged."),
        ("renamed.mp4", text_as_video, "unsupported_type", "Renaming it does not help"),
        ("empty.mp4", lambda path: path.write_bytes(b""), "unreadable_media", "The file is empty."),
        ("half.mp4", half_a_video, "unreadable_media", "Check whether it opens in a player."),
        ("sound.mp4", write_sound, "no_video_stream", "Only pictures are judged."),
    ],
)
def test_a_file_that_cannot_be_judged(page, tmp_path, name, write, code, help_):
    write(tmp_path / name)
    post(page, tmp_path / name)
    message = failure(page, code)
    expect(message).to_contain_text(help_)
    expect(message).to_have_attribute("role", "alert")
    expect(button(page, "Try again")).to_have_count(0)


def test_after_a_failure_the_next_file_is_judged(page, files, tmp_path):
    text_as_video(tmp_path / "renamed.mp4")
    post(page, tmp_path / "renamed.mp4")
    failure(page, "unsupported_type")
    assert judged(page, files / "face.jpg")["status"] == "success"


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(context, narrow, tmp_path):
    page = opened(context, narrow)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    (tmp_path / "large.mp4").write_bytes(bytes(400_001))
    post(page, tmp_path / "large.mp4")
    expect(failure(page, "file_too_large")).to_contain_text(
        "The file has 400,001 bytes; at most 400,000 bytes are accepted."
    )
    assert not [url for url in sent if "/predict" in url]


def test_a_picture_of_too_many_pixels(context, narrow, tmp_path):
    page = opened(context, narrow)
    post(page, write_picture(tmp_path / "wide.jpg", face_picture().repeat(2, axis=1)))
    expect(failure(page, "media_too_complex")).to_contain_text("lower resolution")


def test_a_busy_service_can_be_asked_again(context, narrow, files):
    page = opened(context, narrow)
    with resting(narrow.server):
        post(page, files / "face.jpg", files / "face.jpg")
        refused = page.locator("tbody tr", has=page.locator('[data-verdict="failed"]'))
        refused.get_by_role("button", name="Show").click()
        expect(failure(page, "busy")).to_contain_text("Wait a moment")
    expect(page.get_by_text("No evidence of manipulation found")).to_be_visible()
    button(page, "Try again").click()
    expect(page.locator(".verdict")).to_contain_text("No evidence of manipulation found")


def test_a_service_that_cannot_write(context, narrow, files):
    page = opened(context, narrow)
    hidden = narrow.server.static.rename(narrow.server.static.with_name("hidden"))
    post(page, files / "face.jpg")
    expect(failure(page, "storage_failed")).to_contain_text("Make room on the disk")
    hidden.rename(narrow.server.static)
    button(page, "Try again").click()
    expect(page.locator(".verdict")).to_be_visible()


def test_a_rate_that_is_exceeded(context, files, tmp_path):
    with running_site(tmp_path, DETECTOR_RATE_LIMIT="1 per hour") as site:
        site.server.wait_for("/readyz", 200)
        page = opened(context, site)
        judged(page, files / "face.jpg")
        post(page, files / "face.jpg")
        expect(failure(page, "too_many_requests")).to_contain_text("The service asks to wait")


def test_a_service_without_a_model(context, files, tmp_path):
    with running_site(tmp_path, DETECTOR_MODEL_PATH=str(tmp_path / "none.h5")) as site:
        page = opened(context, site)
        expect(failure(page, "not_ready")).to_contain_text("no model")
        post(page, files / "face.jpg")
        expect(page.locator('.open [data-code="not_ready"]')).to_be_visible()


def test_a_service_that_wants_a_key(context, files, tmp_path):
    with running_site(tmp_path, DETECTOR_API_KEYS="the-key") as site:
        site.server.wait_for("/readyz", 200)
        page = opened(context, site)
        expect(failure(page, "unauthorized")).to_contain_text("API key")
        page.get_by_label("API key").fill("another")
        button(page, "Use this key").click()
        failure(page, "unauthorized")
        page.get_by_label("API key").fill("the-key")
        page.get_by_label("API key").press("Enter")
        answer = judged(page, files / "two.mp4")
        drawing(page)
        button(page, "Delete files now").click()
        expect(page.locator(".keeping")).to_contain_text("deleted")
        assert answer["status"] == "success"


def test_a_service_that_stops_and_comes_back(context, files, tmp_path):
    with running_site(tmp_path) as site:
        site.server.wait_for("/readyz", 200)
        page = opened(context, site)
        expect(page.locator(".drop")).to_be_visible()
        site.server.kill()
        post(page, files / "face.jpg")
        expect(failure(page, "unreachable")).to_contain_text("make run")
    port, page_port = (url.rpartition(":")[2] for url in (site.server.url, site.url))
    with running_site(tmp_path, DETECTOR_PORT=port, DETECTOR_PAGE_PORT=page_port) as again:
        again.server.wait_for("/readyz", 200)
        button(page, "Try again").click()
        expect(page.locator(".verdict")).to_be_visible()
