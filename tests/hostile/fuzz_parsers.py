"""`python -m tests.hostile.fuzz_parsers --seconds N`: Atheris looks for bytes that our own parsers fail on.

It is guided by the branches that each input takes, in our code and in the Python libraries that read with it. What is
decoded by C libraries is for `tests.hostile.files`. Needs Atheris, which has no wheels for macOS and is
therefore in no requirements: `pip install atheris`.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import atheris

from backend.config import ROOT
from bench.documents import publish
from tests.generators import face_picture, write_picture
from tests.wire import FORM, PART_HEAD, PART_TAIL, in_chunks

SECONDS = 120  # for each target
LONGEST = 8192  # bytes of an input
BODY_BYTES = 4096
INSTRUMENTED = ["backend", "waitress", "werkzeug", "PIL"]
WORDS = [
    b"POST /predict HTTP/1.1\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Type: " + FORM.encode(),
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n',
    b"Expect: 100-continue\r\n",
    b"--frontier\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
]

Target = Callable[[bytes], None]


@contextlib.contextmanager
def requests(folder: Path) -> Iterator[Target]:
    """What comes over a connection, in pieces: read by our parser and bodies, answered by the application, decently."""
    with atheris.instrument_imports(include=INSTRUMENTED):
        from waitress.adjustments import Adjustments

        from backend.api.bodies import Reception, Room
        from backend.api.serving import REFUSED, Parser
        from backend.app import create_app
        from backend.config import Settings
        from backend.errors import UnreadableMedia
        from tests.fakes import FakeClassifier, ReadyModel

    def refuse(path: Path, _: object) -> NoReturn:
        assert path.stat().st_size <= BODY_BYTES
        raise UnreadableMedia("Nothing is decoded here.")

    settings = Settings(upload_folder=folder, frame_folder=folder, upload_limit=BODY_BYTES // 2)
    app = create_app(settings, ReadyModel(FakeClassifier()), refuse)
    room = Room(2 * BODY_BYTES)
    reception = Reception(folder, BODY_BYTES, room, 1)

    def environment(parser: Parser) -> dict[str, Any]:
        """As waitress makes it, and as our server does for what it refuses."""
        named = {name: parser.headers[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in parser.headers}
        server = {"wsgi.url_scheme": "http", "SERVER_NAME": "localhost", "SERVER_PORT": "5000"}
        if parser.error:
            return {**server, "REQUEST_METHOD": "GET", "PATH_INFO": "/", REFUSED: parser.error.code}
        return {
            **{f"HTTP_{name}": value for name, value in parser.headers.items()},
            **named,
            **server,
            "REQUEST_METHOD": parser.command.upper(),
            "PATH_INFO": parser.path,
            "QUERY_STRING": parser.query,
            "wsgi.input": parser.get_body_stream(),
        }

    def answer(parser: Parser) -> None:
        statuses: list[str] = []
        body = b"".join(app(environment(parser), lambda status, headers: statuses.append(status)))
        assert not statuses[0].startswith("500"), (statuses, body)

    def read(data: bytes) -> None:
        size, data = 1 + (data[0] if data else 0), data[1:]
        while data:
            held_back: list[bytes] = []
            parser = Parser(Adjustments(), reception, "10.0.0.1", held_back.append)
            while data and not parser.completed:
                consumed = parser.received(data[:size])
                assert 0 < consumed <= size
                data = data[consumed:]
            if parser.completed:
                answer(parser)
            parser.close()
            data = b"".join(held_back) + data
        assert room.left == 2 * BODY_BYTES
        assert not any(folder.glob("upload-*"))

    yield read


@contextlib.contextmanager
def pictures(folder: Path) -> Iterator[Target]:
    """Signatures, and what is read of a picture before it is decoded: it is refused in words, or has a size."""
    with atheris.instrument_imports(include=INSTRUMENTED):
        from PIL import Image

        from backend.errors import DetectorError
        from backend.media.limits import MediaLimits
        from backend.media.pictures import ROTATIONS, _check_header
        from backend.media.signatures import PICTURES, SIGNATURE_LENGTH, recognise

        Image.preinit()

    path, limits = folder / "picture", MediaLimits(64_000_000, 16_384)

    def read(data: bytes) -> None:
        container = recognise(data[:SIGNATURE_LENGTH])
        if container in PICTURES:
            path.write_bytes(data)
            with contextlib.suppress(DetectorError):
                assert _check_header(path, container, limits) in ROTATIONS

    yield read


TARGETS = {"requests": requests, "pictures": pictures}


def seeds(target: str, folder: Path) -> Iterator[bytes]:
    """Inputs to begin with."""
    whole = [write_picture(folder / name, face_picture()[:48, :48]).read_bytes() for name in ("a.jpg", "a.png")]
    if target == "pictures":
        yield from whole
        return
    form = PART_HEAD.replace(b"a.mp4", b"a.jpg") + whole[0] + PART_TAIL
    start = b"\xffPOST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + FORM.encode() + b"\r\n"
    yield start + b"Content-Length: %d\r\n\r\n" % len(form) + form
    yield start + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(in_chunks([form[:100], form[100:]]))
    yield b"\x10GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.0\r\n\r\n"


def fuzz(target: str, seconds: int) -> None:
    """Fuzz one target in this process, which Atheris ends."""
    with tempfile.TemporaryDirectory() as name:
        folder, corpus = Path(name) / "work", Path(name) / "corpus"
        for one in (folder, corpus):
            one.mkdir()
        for place, seed in enumerate(seeds(target, Path(name))):
            (corpus / f"{place}").write_bytes(seed)
        words = Path(name) / "words"
        words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS))
        with TARGETS[target](folder) as read:
            options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-dict={words}", "-rss_limit_mb=4096"]
            atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={name}/", str(corpus)], read)
            atheris.Fuzz()


def run(target: str, seconds: int) -> tuple[str, bool]:
    """Fuzz one target in a process of its own: what came of it as a row, and whether something was found."""
    command = [sys.executable, "-m", "tests.hostile.fuzz_parsers", "--target", target, "--seconds", str(seconds)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    branches = re.findall(r"cov: (\d+)", ended.stderr)
    executions = re.search(r"Done (\d+) runs", ended.stderr)
    if executions is None or ended.returncode:
        print(ended.stderr[-6000:])
        return f"| {target} | **Fault:** {ended.returncode} | | |", True
    return f"| {target} | {executions[1]} | {branches[0]}, {branches[-1]} | 0 |", False


def main() -> int:
    """Fuzz all targets, and write what came of it."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    ask.add_argument("--target", choices=TARGETS, help="fuzz this one here, and write nothing")
    wanted = ask.parse_args()
    if wanted.target:
        fuzz(wanted.target, wanted.seconds)
    results = [run(target, wanted.seconds) for target in TARGETS]
    lines = [
        f"Run on {datetime.now(UTC):%Y-%m-%d}, {wanted.seconds} s each.",
        "",
        "| target | executions | branches reached by the first inputs, by all | findings |",
        "| --- | --- | --- | --- |",
        *(row for row, _ in results),
    ]
    print("\n".join(lines))
    publish(ROOT / "SECURITY.md", "parsers", "\n".join(lines))
    return 1 if any(found for _, found in results) else 0


if __name__ == "__main__":
    sys.exit(main())
