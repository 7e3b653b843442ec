"""The size limit to the byte, as it is shipped, and that a sender of too much reads the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.config import MEBIBYTE
from tests.server import Server
from tests.wire import BOUNDARY, FORM, PIECE, ask, form_length, form_pieces, head, in_chunks

LIMIT = 104_857_600
UNREADABLE, TOO_LARGE = (422, "unreadable_media"), (413, "file_too_large")


@pytest.mark.parametrize(("size", "outcome"), [(LIMIT, UNREADABLE), (LIMIT + 1, TOO_LARGE), (3 * LIMIT, TOO_LARGE)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_passes_up_to_exactly_the_limit(server: Server, size: int, outcome: tuple[int, str], chunked: bool):
    kind = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": str(form_length(size))}
    pieces = form_pieces(size)
    request = head("POST", "/predict", server.url, Content_Type=FORM, Origin="http://localhost:3000", **kind)
    answer = ask(server.url, request, in_chunks(pieces) if chunked else pieces)
    assert (answer.status, answer.json["code"]) == outcome
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert not any(server.uploads.glob("upload-*"))


def test_a_length_that_promises_less_than_is_sent_does_not_let_more_pass(server: Server):
    request = head("POST", "/predict", server.url, Content_Type=FORM, Content_Length="1000")
    answer = ask(server.url, request, form_pieces(2 * LIMIT))
    assert (answer.status, answer.json["code"]) in ((400, "missing_file"), (422, "unreadable_media"))


def test_a_length_that_promises_more_than_is_accepted_is_refused_when_all_has_come(server: Server):
    request = head("POST", "/predict", server.url, Content_Type=FORM, Content_Length=str(LIMIT + 2 * MEBIBYTE))
    answer = ask(server.url, request, [bytes(PIECE)] * (LIMIT // PIECE + 2))
    assert (answer.status, answer.json["code"]) == TOO_LARGE


def test_too_much_is_kept_neither_in_memory_nor_on_disk(server: Server):
    def resident() -> int:
        fields = Path(f"/proc/{server.process.pid}/status").read_text().split("VmRSS:")[1].split()
        return int(fields[0]) // 1024

    before = resident()
    request = head("POST", "/predict", server.url, Content_Type=FORM, Transfer_Encoding="chunked")
    answer = ask(server.url, request, in_chunks(form_pieces(10 * LIMIT)))
    assert answer.status == 413
    assert resident() - before < 50


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n", 431, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "bad_request"),
        (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
    ],
)
def test_what_is_no_http_is_answered_in_json_with_every_header(server: Server, request_head, status, code):
    answer = ask(server.url, request_head, [bytes(PIECE)] * 20)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.is_armoured() and answer.json["request_id"] == answer.headers["x-request-id"]


def test_a_form_of_many_files_is_refused(server: Server):
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n'.encode()
    body = part * 5000 + f"--{BOUNDARY}--\r\n".encode()
    request = head("POST", "/predict", server.url, Content_Type=FORM, Content_Length=str(len(body)))
    answer = ask(server.url, request, [body])
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
