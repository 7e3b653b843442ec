"""What the command line found in each file, written as text, JSON lines, CSV or a page, and read back."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from pydantic import TypeAdapter

from backend.domain import Basis, Prediction, Strength, Verdict
from backend.verdict.wording import HEADLINES, percent

BETWEEN_SENTENCES = " | "  # of the anomalies in one cell of a CSV
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for one, so that no file's name may begin a cell with it


@dataclass(frozen=True)
class Finding:
    """What came of one file: a verdict, or why there is none, as `code` and sentence of the service's errors."""

    path: str
    sha256: str | None
    verdict: Verdict | None
    strength: Strength | None
    prediction: Prediction | None
    confidence: float | None
    fake_probability: float | None
    basis: Basis | None
    anomalies: tuple[str, ...]
    model_version: str
    code: str | None
    error: str | None

    @property
    def in_words(self) -> str:
        """One line for a person: words before numbers."""
        if self.verdict is None or self.strength is None or self.confidence is None:
            return f"not judged: {self.error}"
        headline = HEADLINES[self.verdict, self.strength]
        if self.verdict == "inconclusive":
            return headline
        return f"{headline} ({self.prediction}, {percent(self.confidence)})"


_adapter = TypeAdapter(Finding)
_columns = [field.name for field in fields(Finding)]


class Report(Protocol):
    """A form of output: a head, a row for each file as it comes, a tail."""

    def head(self) -> str:
        """What stands before the first file."""
        ...

    def row(self, finding: Finding) -> str:
        """One file."""
        ...

    def tail(self, findings: Sequence[Finding]) -> str:
        """What stands after the last file."""
        ...

    def read(self, text: str) -> list[Finding]:
        """The files in the output of an earlier run, without a last one that was only begun.

        Raises:
            ValueError: it is no such output.
        """
        ...


class JsonLines:
    """An object a line."""

    def head(self) -> str:
        """Nothing."""
        return ""

    def row(self, finding: Finding) -> str:
        """The object."""
        return json.dumps(asdict(finding)) + "\n"

    def tail(self, findings: Sequence[Finding]) -> str:
        """Nothing."""
        return ""

    def read(self, text: str) -> list[Finding]:
        """See `Report.read`."""
        *whole, _ = text.split("\n")
        return [_adapter.validate_python(json.loads(line)) for line in whole]


class Csv:
    """A line of cells for each file, as RFC 4180 has it."""

    def head(self) -> str:
        """The names of the columns."""
        return _csv_line(_columns)

    def row(self, finding: Finding) -> str:
        """The cells."""
        path = f"./{finding.path}" if finding.path.startswith(FORMULA) else finding.path
        cells = asdict(finding) | {"path": path, "anomalies": BETWEEN_SENTENCES.join(finding.anomalies)}
        return _csv_line([cells[name] for name in _columns])

    def tail(self, findings: Sequence[Finding]) -> str:
        """Nothing."""
        return ""

    def read(self, text: str) -> list[Finding]:
        """See `Report.read`."""
        *whole, _ = text.split("\r\n")
        names, *rows = csv.reader([f"{line}\r\n" for line in whole] or [""], strict=True)
        if names != _columns:
            raise ValueError("its columns are others")
        return [_adapter.validate_python(_from_cells(row)) for row in rows]


class Page:
    """A page that needs nothing else: no script, no picture, no address."""

    def head(self) -> str:
        """Everything down to the table's first row."""
        return _PAGE_HEAD

    def row(self, finding: Finding) -> str:
        """A row of the table, on one line; the finding itself is in it, to be read back."""
        cells = [_shown(finding.path), finding.in_words, " ".join(finding.anomalies), finding.basis or ""]
        cells += [finding.sha256 or "", finding.model_version]
        shown = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells).replace("\n", " ")
        kind = finding.verdict or "unjudged"
        return f'<tr class="{kind}" data-finding="{html.escape(json.dumps(asdict(finding)))}">{shown}</tr>\n'

    def tail(self, findings: Sequence[Finding]) -> str:
        """The sums, and the end of the page."""
        return f"</tbody></table>\n<p>{summary(findings)}</p>\n</html>\n"

    def read(self, text: str) -> list[Finding]:
        """See `Report.read`."""
        if not text.startswith(_PAGE_HEAD):
            raise ValueError("it is another page")
        rows = re.findall(r'^<tr [^>]*?data-finding="([^"]*)">.*</tr>$', text, re.MULTILINE)
        return [_adapter.validate_python(json.loads(html.unescape(row))) for row in rows]


class Text:
    """A line for each file, to be read and not to be read back."""

    def head(self) -> str:
        """Nothing."""
        return ""

    def row(self, finding: Finding) -> str:
        """The path and the verdict."""
        return f"{_shown(finding.path)}: {finding.in_words}\n"

    def tail(self, findings: Sequence[Finding]) -> str:
        """The sums."""
        return f"{summary(findings)}\n"

    def read(self, text: str) -> list[Finding]:
        """See `Report.read`; there is no such output."""
        raise ValueError("text is not read back")


def summary(findings: Sequence[Finding]) -> str:
    """How many files there were of each kind."""
    counts = Counter(finding.verdict for finding in findings)
    return (
        f"{len(findings)} files: {counts['fake']} fake, {counts['real']} real, {counts['inconclusive']} inconclusive, "
        f"{counts[None]} not judged. A verdict is evidence, not proof."
    )


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _from_cells(row: Sequence[str]) -> dict[str, Any]:
    cells: dict[str, Any] = {name: cell or None for name, cell in zip(_columns, row, strict=True)}
    anomalies = cells["anomalies"]
    return cells | {"anomalies": tuple(anomalies.split(BETWEEN_SENTENCES)) if anomalies else ()}


def _shown(path: str) -> str:
    """A path as it can be printed: names need not be text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_PAGE_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Deepfake scan</title>
<style>
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.4em; overflow-wrap: anywhere; }
td { border-top: 1px solid #8888; }
tr.fake td:nth-child(2) { font-weight: bold; box-shadow: inset 4px 0 #d63031; }
tr.real td:nth-child(2) { box-shadow: inset 4px 0 #09847f; }
</style>
<h1>Deepfake scan</h1>
<table>
<thead><tr><th>File</th><th>Verdict</th><th>Anomalies</th><th>Basis</th><th>SHA-256</th><th>Model</th></tr></thead>
<tbody>
"""
