"""What the hostile scripts found, into SECURITY.md: so that its figures are those that were measured."""

from __future__ import annotations

import re

from backend.config import ROOT

PATH = ROOT / "SECURITY.md"


def write_figures(name: str, text: str) -> None:
    """Put a text between the marks of a name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    document = PATH.read_text(encoding="utf-8")
    assert document.count(begin) == document.count(end) == 1, f"SECURITY.md has no place for {name}"
    replaced = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", document, flags=re.DOTALL)
    PATH.write_text(replaced, encoding="utf-8")
