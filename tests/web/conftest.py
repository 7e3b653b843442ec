from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.generators import face_picture, two_faces, write_picture, write_video
from tests.web.chromium import launch, watched, write_camera
from tests.web.service import Site, running_site

PATIENCE = 20_000  # ms

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files to be judged: `two.mp4` with an honest and a manipulated face, and `face.jpg`."""
    folder = tmp_path_factory.mktemp("files")
    write_video(folder / "two.mp4", two_faces(75))
    write_picture(folder / "face.jpg", face_picture())
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service as it is shipped, warmed, with its page."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        running.server.wait_for("/readyz", 200)
        yield running


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    camera = write_camera(tmp_path_factory.mktemp("camera") / "camera.y4m")
    with sync_playwright() as playwright:
        browser = launch(playwright, camera)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with watched(chromium.new_context()) as fresh:
        fresh.set_default_timeout(PATIENCE)
        yield fresh


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Page:
    """The page of the site, opened."""
    return opened(context, site)


def opened(context: BrowserContext, site: Site) -> Page:
    fresh = context.new_page()
    fresh.goto(site.url)
    return fresh
