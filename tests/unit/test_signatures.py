from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import UnsupportedType
from backend.media.opening import check_extension
from backend.media.signatures import recognise


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "mp4"),
        (b"\x00\x00\x10\x00moov\x00\x00\x00lmvhd", "mp4"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "mp4"),
        (b"RIFF\x00\x10\x00\x00AVI LIST", "avi"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "png"),
        (b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00", None),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", None),
        (b"RIFF\x00\x10\x00\x00WAVEfmt ", None),
        (b"RIFF\x00\x10\x00\x00WEBPVP8 ", None),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00", None),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81", None),
        (b"#EXTM3U\n#EXT-X-", None),
        (b"ffconcat version", None),
        (b"<svg xmlns='http", None),
        (b"just some text!!", None),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", None),
        (b"", None),
    ],
)
def test_content_is_recognised_by_its_first_bytes(head, container):
    assert recognise(head) == container


@given(st.binary(max_size=16))
def test_any_bytes_are_answered(head):
    assert recognise(head) in ("mp4", "avi", "jpeg", "png", None)


@pytest.mark.parametrize("name", ["a.mp4", "A.MP4", "x.y.jpeg", "b.png", "c.avi", "d.mov", "e.jpg"])
def test_allowed_extensions_pass(name):
    check_extension(name)


@pytest.mark.parametrize("name", ["a.gif", "mp4", "a.mp4.exe", "a.", "a.webm", ""])
def test_other_extensions_are_refused_with_what_is_accepted(name):
    with pytest.raises(UnsupportedType, match="avi, jpeg, jpg, mov, mp4, png"):
        check_extension(name)
