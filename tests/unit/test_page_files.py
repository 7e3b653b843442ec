"""The page as it is committed."""

from __future__ import annotations

import json
import re

from flask import Flask

from backend.api.openapi import openapi_document
from backend.config import ROOT

FRONTEND = ROOT / "frontend"
LARGEST = 300_000  # bytes of the page, with everything that it loads


def test_the_page_was_made_for_the_answers_that_the_service_gives(app: Flask):
    document = json.loads((FRONTEND / "openapi.json").read_text())
    assert document == openapi_document(app.url_map.iter_rules(), keys_are_needed=False), "run `make page`"


def test_the_page_is_small():
    assert 0 < sum(path.stat().st_size for path in (FRONTEND / "dist").rglob("*")) < LARGEST


def test_the_page_has_nothing_inline_and_asks_no_other_machine():
    page = (FRONTEND / "dist" / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert all(address.startswith("/") for address in re.findall(r'(?:src|href)="([^"]*)"', page))


def test_packages_are_locked_by_hash_and_named_by_no_address():
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 5
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
