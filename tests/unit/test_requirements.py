from __future__ import annotations

import re

import pytest

from backend.config import ROOT

LOCKS = ["requirements.txt", *(f"requirements-{part}.txt" for part in ("fleet", "dev", "train", "gpu"))]


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_pinned_by_version_and_hash(name):
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE))
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("name", [name.replace(".txt", ".in") for name in LOCKS])
def test_what_is_asked_for_is_locked(name):
    locked = (ROOT / name.replace(".in", ".txt")).read_text()
    for line in (ROOT / name).read_text().splitlines():
        package = re.match(r"[a-z0-9][a-z0-9._-]*", line)
        if package:
            assert re.search(rf"^{re.escape(package[0])}==", locked, re.MULTILINE), line
