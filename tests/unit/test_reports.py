from __future__ import annotations

from dataclasses import replace

import pytest

from backend.cli import exit_status, find_files, open_output, read_earlier
from backend.reports import Csv, Finding, JsonLines, Page, Text

FAKE = Finding(
    path="a/=1.jpg",
    sha256="ab" * 32,
    verdict="fake",
    strength="strong",
    prediction="Fake",
    confidence=0.9321,
    fake_probability=0.9321,
    basis="face_picture",
    anomalies=("One <b>.", 'Two, "2".'),
    model_version="1",
    code=None,
    error=None,
)
UNJUDGED = Finding(
    "b.png", None, None, None, None, None, None, None, (), "1", "unreadable_media", "The file is damaged."
)
REAL = replace(FAKE, path="c.jpg", verdict="real", prediction="Real", fake_probability=0.0679, anomalies=())
INCONCLUSIVE = replace(REAL, verdict="inconclusive", strength="inconclusive")
STRANGE = [replace(FAKE, path=name) for name in ("=1+1.jpg", "a\nb.jpg", 'quo"te,<&>.jpg', "\udcff.jpg", "\u2028.png")]

REPORTS = [JsonLines(), Csv(), Page()]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("ending", ["", "torn"])
def test_what_was_written_is_read_back_also_where_the_last_row_is_torn(tmp_path, report, ending):
    written = [FAKE, UNJUDGED, REAL, *STRANGE]
    path = tmp_path / "out"
    with open_output(path, report.head()) as output:
        output.write("".join(map(report.row, written)))
        output.write(report.row(INCONCLUSIVE)[:-30] if ending else report.tail(written))
    read = read_earlier(path, report, "1")
    expected = [
        replace(one, path="./=1+1.jpg") if one.path[0] == "=" and report is REPORTS[1] else one for one in written
    ]
    assert read == expected


@pytest.mark.parametrize("report", REPORTS)
def test_what_another_model_said_is_not_kept(tmp_path, report):
    path = tmp_path / "out"
    with open_output(path, report.head()) as output:
        output.write(report.row(FAKE) + report.row(replace(REAL, model_version="2")))
    assert read_earlier(path, report, "2") == [replace(REAL, model_version="2")]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("text", ["a shopping list\n", "<!doctype html>\n", '{"path": "a"}\n', "path,sha256\r\n"])
def test_another_file_is_no_earlier_output(report, text):
    with pytest.raises(ValueError, match=r"."):
        report.read(text)


@pytest.mark.parametrize("report", REPORTS)
def test_an_output_that_is_empty_or_not_there_holds_nothing(tmp_path, report):
    path = tmp_path / "out"
    assert read_earlier(path, report, "1") == []
    path.touch()
    assert read_earlier(path, report, "1") == []


def test_no_cell_of_a_csv_begins_a_formula():
    for start in "=+-@":
        assert Csv().row(replace(FAKE, path=f"{start}1.jpg")).startswith("./")


def test_a_page_shows_names_as_they_are():
    row = Page().row(STRANGE[2])
    assert (
        "<td>quo&quot;te,&lt;&amp;&gt;.jpg</td><td>Strong evidence of manipulation (Fake, 93 %)</td><td>One &lt;b&gt;."
        in row
    )
    assert row.count("\n") == 1


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (FAKE, "a/=1.jpg: Strong evidence of manipulation (Fake, 93 %)\n"),
        (REAL, "c.jpg: No evidence of manipulation found (Real, 93 %)\n"),
        (INCONCLUSIVE, "c.jpg: Inconclusive: the evidence speaks neither way clearly enough\n"),
        (UNJUDGED, "b.png: not judged: The file is damaged.\n"),
    ],
)
def test_a_line_of_text(finding, line):
    assert Text().row(finding) == line


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], 0),
        ([REAL, INCONCLUSIVE], 0),
        ([REAL, FAKE], 1),
        ([UNJUDGED, FAKE], 1),
        ([REAL, UNJUDGED], 2),
    ],
)
def test_the_exit_status_follows_the_verdicts(findings, status):
    assert exit_status(findings) == status


def test_files_are_found_once_in_order_and_links_to_folders_are_not_followed(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.MP4", "b/1.jpg", "a.png", "notes.txt", "jpg"):
        (tmp_path / name).touch()
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    named = [tmp_path / "notes.txt", tmp_path, tmp_path / "a.png"]
    assert [str(path.relative_to(tmp_path)) for path in find_files(named)] == [
        "notes.txt",
        "a.png",
        "b/1.jpg",
        "b/2.MP4",
    ]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        list(find_files([tmp_path / "none"]))
    assert caught.value.filename == str(tmp_path / "none")
