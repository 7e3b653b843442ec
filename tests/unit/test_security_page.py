from __future__ import annotations

import re

from backend.config import PREFIX, ROOT, Settings

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_is_there():
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_setting_that_it_names_is_one():
    assert set(re.findall(r"DETECTOR_\w+", PAGE)) <= {PREFIX + name.upper() for name in Settings.model_fields}


def test_it_carries_the_figures_of_its_scripts():
    for name in ("soak", "fuzz", "parsers"):
        assert re.search(rf"<!-- {name} -->\n.+?\n<!-- /{name} -->", PAGE, re.DOTALL)
        assert "Fault" not in PAGE
