"""`python -m bench.scan`: the command line on a folder of 1,000 pictures; writes the README."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from functools import partial
from pathlib import Path

import numpy as np

from backend.config import ROOT
from bench.__main__ import README, describe_machine
from bench.documents import publish
from bench.measuring import seconds
from tests.generators import face_picture, write_picture

PICTURES = 1000
LINE = 120  # characters
VERDICTS = (0, 1)  # exit statuses of a scan that judged every file


def main() -> None:
    """Scan a folder twice, print how long it took, and write it."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, found = Path(folder) / "pictures", Path(folder) / "found.csv"
        pictures.mkdir()
        face = face_picture()
        for place in range(PICTURES):  # no two alike
            write_picture(pictures / f"{place}.jpg", np.roll(face, place, axis=1))
        first, again = (seconds(partial(scan, pictures, found)) for _ in range(2))
        rows = len(found.read_text(encoding="utf-8").splitlines()) - 1
    if rows != PICTURES:
        raise SystemExit(f"{rows} of {PICTURES} pictures are in the output")
    sentences = (
        f"{describe_machine()} A folder of {PICTURES:,} pictures of {face.shape[1]} x {face.shape[0]} pixels takes "
        f"{first:.0f} s, {PICTURES / first:.0f} a second; the same command again, with all of them in its output, "
        f"{again:.1f} s."
    )
    text = textwrap.fill(sentences, LINE)
    print(text)
    publish(README, "scan", text)


def scan(folder: Path, output: Path) -> None:
    """What a user types."""
    command = [sys.executable, "-m", "backend.cli", "scan", str(folder), "--csv", "--output", str(output)]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status not in VERDICTS:
        raise SystemExit(f"the scan ended with {status}")


if __name__ == "__main__":
    main()
