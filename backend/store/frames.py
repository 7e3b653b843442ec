"""Annotated frames on disk: unguessable names, written whole or not at all."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

FRAME_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
PARTIAL_SUFFIX = ".part"


def new_frame_name() -> str:
    """A name of 128 random bits, in which nothing of the upload's name is left."""
    return f"{secrets.token_hex(16)}.jpg"


def store_frame(folder: Path, name: str, jpeg: bytes) -> None:
    """Write a frame so that it is never seen half-written."""
    partial = folder / (name + PARTIAL_SUFFIX)
    try:
        partial.write_bytes(jpeg)
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)
