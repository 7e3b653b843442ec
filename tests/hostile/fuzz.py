"""`make fuzz`: what Hypothesis makes up, sent to a real service over a socket; each must get a decent answer."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backend.config import ROOT
from bench.documents import publish
from tests.generators import face_picture, write_picture
from tests.server import running_server
from tests.wire import connection, head, in_chunks, read_answer, send

EXECUTIONS = 15_000
DOCUMENTS = ("text/plain", "text/html", "text/javascript")  # /metrics and /docs, whose names may be made up too
DECENT = {*range(200, 300), *range(400, 500), 501, 503}
INSIDE = (b"Traceback", b"/root", b"/home", b"/tmp", b"site-packages", b'.py"')

token = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=20)
header_name = st.text("abcdefghijklmnopqrstuvwxyzABC-0123456789", min_size=1, max_size=20)
header_value = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.encode)
line = st.one_of(
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=60),
)
file_name = st.one_of(
    line,
    st.sampled_from(
        [
            b"a.mp4",
            b"../../etc/passwd.mp4",
            b"a.mp4\x00.exe",
            b"C:\\a.jpg",
            b'a";filename="b.jpg',
            b"." * 300 + b".png",
            b"a" * 5000 + b".jpg",
            "\u202e4pm.exe.mp4".encode(),
            b"CON.jpg",
            b".jpg",
            b"%2e%2e%2fa.png",
            b"=?utf-8?b?YS5tcDQ=?=.mp4",
        ]
    ),
)
disposition = st.sampled_from(
    [
        *[b'Content-Disposition: form-data; name="file"; filename="%s"'] * 8,
        b"Content-Disposition: form-data; name=file; filename=%s",
        b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%s",
        b'Content-Disposition: attachment; filename="%s"',
        b'content-disposition:form-data;name="file";filename="%s";filename="x.jpg"',
        b'Content-Disposition: form-data; name="%s"',
        b"X-Other: %s",
        b"%s",
    ]
)


@st.composite
def multipart(draw: st.DrawFn, contents: list[bytes]) -> tuple[bytes, bytes]:
    """A content type and a body that are a form, nearly."""
    boundary = draw(st.sampled_from([b"frontier"] * 5 + [b"-", b"'()+_,-./:=?", b"a" * 70, b"\xff\x00"]))
    told = draw(st.sampled_from([boundary] * 9 + [boundary[:-1], boundary + b"-", b""]))
    parts = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2, 20]))):
        heads = [draw(disposition).replace(b"%s", draw(file_name)) for _ in range(draw(st.sampled_from([1, 1, 0, 2])))]
        heads += [draw(st.sampled_from([b"Content-Type: video/mp4", b"Content-Transfer-Encoding: base64", b""]))]
        content = draw(st.one_of(st.sampled_from(contents), st.binary(max_size=200)))
        parts.append(b"--" + boundary + b"\r\n" + b"\r\n".join(heads) + b"\r\n\r\n" + content + b"\r\n")
    body = b"".join(parts) + draw(
        st.sampled_from([b"--" + boundary + b"--\r\n"] * 6 + [b"--" + boundary, b"", b"--\r\n"])
    )
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=8)) + body[at + draw(st.integers(0, 8)) :]
    kind = draw(
        st.sampled_from([b"multipart/form-data; boundary=%s", b'multipart/form-data; boundary="%s"; charset=utf-7'])
    )
    return _one_line(kind.replace(b"%s", told)), body


def _one_line(value: bytes) -> bytes:
    return value.replace(b"\r", b"").replace(b"\n", b"")


class Fuzz:
    """Sends what is made up, and counts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: Counter[int] = Counter()

    def check(self, pieces: list[bytes], has_body: bool = True) -> None:
        """Send a request; its answer must be whole, decent, armoured, and and JSON unless it is a document."""
        with connection(self.url, timeout=30) as sock:
            send(sock, pieces)
            answer = read_answer(sock)
        self.statuses[answer.status] += 1
        assert answer.status in DECENT, answer
        is_document = answer.status == 200 and answer.headers["content-type"].partition(";")[0] in DOCUMENTS
        own = ["Content-Security-Policy", "Cache-Control"] if is_document else []  # the page of /docs, and its files
        assert answer.is_armoured(own) and answer.headers["x-request-id"], answer
        if has_body and answer.body and not is_document:
            assert "openapi" in answer.json or answer.json["status"] in ("ok", "success", "error")
            assert not any(word in answer.body for word in INSIDE), answer


def uploads(fuzz: Fuzz, contents: list[bytes]) -> Callable[..., None]:
    """A test of forms: file names, headers of parts, boundaries, damaged bodies, both transfer encodings."""

    @given(
        form=multipart(contents),
        extra=st.dictionaries(header_name, st.one_of(header_value, header_value, line.map(_one_line)), max_size=3),
        chunked=st.booleans(),
    )
    def check(form: tuple[bytes, bytes], extra: dict[str, bytes], chunked: bool) -> None:
        kind, body = form
        headers = {name.replace("_", "-"): value.decode("latin-1") for name, value in extra.items()}
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        start = head("POST", "/predict", fuzz.url, **headers, **length, Connection="close")
        start = start[:-2] + b"Content-Type: " + kind + b"\r\n\r\n"
        fuzz.check([start, *(in_chunks([body] if body else []) if chunked else [body])])

    return check


def files_of_any_kind(fuzz: Fuzz, contents: list[bytes]) -> Callable[..., None]:
    """A test of what reaches the decoders: sound forms with odd names and damaged contents."""

    @given(
        name=line.map(_one_line),
        ending=st.sampled_from([b".jpg", b".PNG", b".mp4", b".avi", b".mov"]),
        content=st.sampled_from(contents),
        at=st.integers(0, 2000),
        damage=st.binary(max_size=20),
    )
    def check(name: bytes, ending: bytes, content: bytes, at: int, damage: bytes) -> None:
        head_of_part = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
        damaged = content[:at] + damage + content[at + len(damage) :]
        body = head_of_part.replace(b"%s", name.replace(b'"', b"") + ending) + damaged + b"\r\n--frontier--\r\n"
        length = {"Content-Type": "multipart/form-data; boundary=frontier", "Content-Length": str(len(body))}
        fuzz.check([head("POST", "/predict", fuzz.url, **length, Connection="close"), body])

    return check


def requests_of_any_kind(fuzz: Fuzz) -> Callable[..., None]:
    """A test of heads: methods, paths and headers."""

    @given(
        method=st.one_of(st.sampled_from(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]), token),
        path=line,
        headers=st.lists(line, max_size=4),
    )
    def check(method: str, path: bytes, headers: list[bytes]) -> None:
        lines = [method.encode() + b" /" + path + b" HTTP/1.1", b"Host: localhost", *headers, b"Connection: close"]
        fuzz.check([b"\r\n".join(lines) + b"\r\n\r\n"], has_body=method != "HEAD")

    return check


def run(fuzz: Fuzz, contents: list[bytes], executions: int) -> None:
    """Run all for so many executions each; raises what they find."""
    profile = settings(
        max_examples=executions,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        derandomize=True,
    )
    profile(uploads(fuzz, contents))()
    profile(files_of_any_kind(fuzz, contents))()
    profile(requests_of_any_kind(fuzz))()


def some_contents(folder: Path) -> list[bytes]:
    """Beginnings of files of every kind, and a whole picture."""
    whole = write_picture(folder / "a.jpg", face_picture()[:64, :64]).read_bytes()
    return [b"", whole, whole[:100], b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x18ftypisom", b"RIFF\x00\x10\x00\x00AVI LIST"]


def main() -> int:
    """Fuzz a service of its own, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=EXECUTIONS)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        server.wait_for("/readyz", 200)
        fuzz = Fuzz(server.url)
        run(fuzz, some_contents(Path(folder)), wanted.executions // 3)
        assert "Traceback" not in server.log, server.log[server.log.index("Traceback") - 500 :][:5000]
        assert not any(server.uploads.glob("upload-*"))
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(fuzz.statuses.items()))
    text = (
        f"Run on {datetime.now(UTC):%Y-%m-%d}: {sum(fuzz.statuses.values())} requests ({statuses}); every one was "
        "answered whole, in JSON, with every security header, without a 500."
    )
    print(text)
    publish(ROOT / "SECURITY.md", "fuzz", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
