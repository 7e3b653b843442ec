"""What is committed is what the sources make. Needs the packages that `npm ci` installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from backend.config import ROOT

FRONTEND = ROOT / "frontend"


def npm(*arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=FRONTEND, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_types_are_those_of_the_document():
    npm("run", "check")


def test_the_built_page_is_what_the_sources_make(tmp_path):
    npm("run", "build", "--", "--outDir", str(tmp_path / "dist"))
    assert contents(tmp_path / "dist") == contents(FRONTEND / "dist")
