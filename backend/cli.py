"""The pipeline on files and folders of this machine: `python -m backend.cli scan PATHS...`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

import cv2
from tqdm import tqdm

from backend.api.answer import told
from backend.assembly import how_closely, new_model, start_examiner
from backend.config import Settings, SettingsError, load_settings
from backend.errors import DetectorError, NotReady
from backend.examination import Examination, Stopwatch, Workers, in_order, start_workers
from backend.media.opening import check_extension
from backend.media.signatures import ALLOWED_EXTENSIONS
from backend.model.holder import LoadedModel
from backend.model.manifest import file_sha256
from backend.pipeline import Examiner, analyse
from backend.progress import Progress
from backend.reports import Csv, Finding, JsonLines, Page, Report, Text
from backend.store.frames import PARTIAL_SUFFIX

logger = logging.getLogger("backend.cli")

LOADING_SECONDS = 600
NONE_FAKE, SOME_FAKE, NOT_ALL_JUDGED, INTERRUPTED = 0, 1, 2, 130  # exit statuses
FORMATS: dict[str | None, Report] = {"json": JsonLines(), "csv": Csv(), "html": Page(), None: Text()}
EXIT_STATUSES = (
    f"Exit status: {NONE_FAKE} all were judged and none is fake; {SOME_FAKE} some are fake; {NOT_ALL_JUDGED} none is "
    f"fake but some could not be judged, or the command was wrong; {INTERRUPTED} interrupted."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Scan what the command line names; the exit status."""
    command, options = _parse(arguments)
    try:
        return _scan(command, options)
    except KeyboardInterrupt:
        print("Interrupted. With --output, the same command goes on where it was.", file=sys.stderr)
        return INTERRUPTED


def _scan(command: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    report = FORMATS[options.format]
    try:
        settings = load_settings()
        paths = list(find_files(options.paths))
    except SettingsError as error:
        command.error(str(error))
    except FileNotFoundError as error:
        command.error(f"there is no file or folder {error.filename}")
    logging.basicConfig(format="%(levelname)s %(message)s")
    cv2.setNumThreads(1)
    model = new_model(settings)
    model.start()
    model.wait(LOADING_SECONDS)
    try:
        loaded = model.require()
        earlier = read_earlier(options.output, report, loaded.manifest.version)
        output = open_output(options.output, report.head() + "".join(map(report.row, earlier)))
    except NotReady as error:
        command.error(error.sentence)
    except ValueError as error:
        command.error(f"{options.output} is not the output of such a command, so it cannot be gone on with: {error}")
    except OSError as error:
        command.error(f"{options.output} cannot be written: {error.strerror}")
    with output:
        return scan(paths, earlier, report, output, loaded, settings)


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are named, and those in the folders, and their folders, whose extension is accepted; each once.

    Raises:
        FileNotFoundError: something named is not there.
    """
    seen: set[Path] = set()
    for named in paths:
        if not named.exists():
            raise FileNotFoundError(None, None, str(named))
        for path in _files_in(named) if named.is_dir() else [named]:
            if path not in seen:
                seen.add(path)
                yield path


def read_earlier(output: Path | None, report: Report, model_version: str) -> list[Finding]:
    """What an interrupted run found with the same model.

    Raises:
        ValueError: the output is not of such a run.
        OSError: it cannot be read.
    """
    if output is None or not output.exists():
        return []
    with output.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        text = stream.read()
    return [finding for finding in report.read(text) if finding.model_version == model_version] if text else []


def open_output(path: Path | None, start: str) -> TextIO:
    """Where rows are written behind a start that is never seen half-written; names that are no text pass through."""
    if path is None:
        sys.stdout.reconfigure(errors="surrogateescape", newline="")  # type: ignore[union-attr]  # it is no other stream
        sys.stdout.write(start)
        return sys.stdout
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    partial.write_bytes(start.encode("utf-8", "surrogateescape"))
    partial.replace(path)
    return path.open("a", encoding="utf-8", errors="surrogateescape", newline="")


class UninterruptedPool(ThreadPoolExecutor):
    """Threads that are all waited for: one whose start an interrupt broke off would run on, known to nobody."""

    def submit(self, *work: Any, **options: Any) -> Future[Any]:
        """Take work, and an interrupt only when its thread has been started."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*work, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def scan(
    paths: Sequence[Path],
    earlier: Sequence[Finding],
    report: Report,
    output: TextIO,
    model: LoadedModel,
    settings: Settings,
) -> int:
    """Judge all files but those of an earlier run, and write each as soon as it is known; the exit status."""
    done = {Path(finding.path) for finding in earlier}
    left = [path for path in paths if path not in done]
    findings = list(earlier)
    examination = how_closely(settings, model.manifest)
    workers = start_workers(settings.threads)
    examiner = start_examiner(settings, left)

    def judge(path: Path) -> Finding:
        return judge_file(path, model, examiner.examine, examination, workers)

    with (
        closing(examiner),
        UninterruptedPool(settings.analyses) as pool,
        tqdm(total=len(paths), initial=len(paths) - len(left), unit="file", file=sys.stderr, disable=None) as bar,
    ):
        for finding in in_order(Workers(pool, settings.analyses), judge, left):
            findings.append(finding)
            with tqdm.external_write_mode(file=sys.stdout):
                output.write(report.row(finding))
                output.flush()
            bar.update()
    output.write(report.tail(findings))
    return exit_status(findings)


def judge_file(
    path: Path, model: LoadedModel, examine: Examiner, examination: Examination, workers: Workers
) -> Finding:
    """Judge one file; whatever is wrong with it, others may follow."""
    version = model.manifest.version
    sha256 = None
    try:
        check_extension(path.name)
        sha256 = file_sha256(path)
        analysis = analyse(path, sha256, model, examine, examination, workers, Stopwatch(), Progress())
    except DetectorError as error:
        return _unjudged(path, sha256, version, error.code, error.sentence)
    except OSError as error:
        return _unjudged(path, sha256, version, "unreadable_media", f"The file cannot be read: {error.strerror}.")
    except Exception:  # nobody foresaw it: the log says what, and the other files are judged
        logger.exception("unforeseen failure")
        return _unjudged(path, sha256, version, DetectorError.code, "Something went wrong here, not with your file.")
    return Finding(
        path=str(path),
        sha256=sha256,
        verdict=analysis.verdict,
        strength=analysis.strength,
        prediction=analysis.prediction,
        confidence=round(analysis.confidence, 4),
        fake_probability=told(analysis.fake_probability),
        basis=analysis.basis,
        anomalies=tuple(anomaly.sentence for anomaly in analysis.anomalies),
        model_version=version,
        code=None,
        error=None,
    )


def exit_status(findings: Sequence[Finding]) -> int:
    """A fake that was found is one, whatever the other files are; that there is none needs all of them judged."""
    verdicts = {finding.verdict for finding in findings}
    if "fake" in verdicts:
        return SOME_FAKE
    return NOT_ALL_JUDGED if None in verdicts else NONE_FAKE


def _parse(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="python -m backend.cli", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "scan", help="say of videos and pictures whether they look fake", epilog=EXIT_STATUSES
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all below it")
    formats = command.add_mutually_exclusive_group()
    for name, what in (("json", "an object a line"), ("csv", "a table"), ("html", "a page that needs nothing else")):
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=what)
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="write there; what an interrupted run has written is not done again"
    )
    options = parser.parse_args(arguments)
    if options.output and not options.format:
        command.error("--output needs --json, --csv or --html")
    return command, options


def _files_in(folder: Path) -> Iterator[Path]:
    """Links to folders are not followed, so that the walk ends."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix[1:].lower() in ALLOWED_EXTENSIONS:
                yield Path(parent, name)


def _unjudged(path: Path, sha256: str | None, model_version: str, code: str, error: str) -> Finding:
    return Finding(str(path), sha256, None, None, None, None, None, None, (), model_version, code, error)


if __name__ == "__main__":
    sys.exit(main())
