"""What a file is, by its first bytes; its name is not believed."""

from __future__ import annotations

from typing import Literal

Container = Literal["mp4", "avi", "jpeg", "png"]

SIGNATURE_LENGTH = 16  # bytes that `recognise` wants to see

PICTURES: frozenset[Container] = frozenset({"jpeg", "png"})

ALLOWED_EXTENSIONS = frozenset({"mp4", "avi", "mov", "jpg", "jpeg", "png"})

QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
STILL_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def recognise(head: bytes) -> Container | None:
    """Recognise an allowed container (QuickTime counts as mp4) by the first 16 bytes; None for everything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[4:8] == b"ftyp" and head[8:12] not in STILL_BRANDS:
        return "mp4"
    if head[4:8] in QUICKTIME_ATOMS:
        return "mp4"
    return None
