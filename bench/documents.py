"""Measured figures into documents, between marks, so that what a document says is what a script measured."""

from __future__ import annotations

import re
from pathlib import Path


def between_marks(document: str, name: str, body: str) -> str:
    """The document with a body between its marks `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: it has no such place, or several.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if not document.count(begin) == document.count(end) == 1:
        raise ValueError(f"the document has not one place for {name}")
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{body}\n{end}", document, flags=re.DOTALL)


def publish(path: Path, name: str, body: str) -> None:
    """Put a body between the marks of a document."""
    path.write_text(between_marks(path.read_text(encoding="utf-8"), name, body), encoding="utf-8")
