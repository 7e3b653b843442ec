"""What a visitor does on the page, and where to look for what it shows."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, Response, expect


def post(page: Page, *paths: Path) -> None:
    """Choose files."""
    page.locator("input[type=file]").set_input_files(list(paths))


def judged(page: Page, path: Path) -> dict[str, Any]:
    """Choose a file and wait for its verdict; the service's answer."""
    with page.expect_response(is_verdict) as waited:
        post(page, path)
    expect(page.locator(".verdict")).to_be_visible()
    answer: dict[str, Any] = waited.value.json()
    return answer


def is_verdict(response: Response) -> bool:
    return response.request.method == "POST" and "/predict" in response.url


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def failure(page: Page, code: str) -> Locator:
    """The message of a failure, once it is there."""
    shown = page.locator(f'[data-code="{code}"]')
    expect(shown).to_be_visible()
    return shown


def drawing(page: Page, what: str = "boxes and heat") -> NDArray[np.uint8]:
    """What is drawn over the frame, once that is so: (height, width, 4) red, green, blue and opacity."""
    expect(page.locator(f'.frame canvas[data-drawn="{what}"]')).to_be_visible()
    return pixels_of(page.locator(".frame canvas"))


def pixels_of(canvas: Locator) -> NDArray[np.uint8]:
    """What is on a canvas: (height, width, 4) red, green, blue and opacity."""
    png = b64decode(canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2])
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA), np.uint8)


def heat_pixels(drawn: NDArray[np.uint8]) -> int:
    """How many pixels are partly opaque, as heat is; boxes and labels are wholly so, but for their edges."""
    return int(((drawn[..., 3] > 20) & (drawn[..., 3] < 200)).sum())
