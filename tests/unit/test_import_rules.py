from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from backend.config import ROOT


def test_the_import_rules_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
