"""Content Credentials (C2PA) of a file, by the library of those who make them. Nothing is fetched from anywhere."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from backend.domain import Credentials
from backend.media.signatures import Container

MARK = b"c2pa"  # the label and the type of every manifest store (C2PA 2.1, section 11.1.4)
REFERENCE = b"dcterms:provenance"  # the XMP field that names a store kept elsewhere (section 11.5)
FORMATS: dict[Container, str] = {"jpeg": "image/jpeg", "png": "image/png", "mp4": "video/mp4", "avi": "video/avi"}
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {
        "allowed_network_hosts": [],
        "decode_identity_assertions": False,  # some of them lie on web servers
        "max_decompressed_manifest_size_in_mb": 16,
    },
}
AI_SOURCES = ("/trainedAlgorithmicMedia", "/compositeWithTrainedAlgorithmicMedia")  # IPTC's digital source types


def read_credentials(path: Path, container: Container) -> Credentials | None:
    """Read and check the Content Credentials of a file; None where it has none."""
    if not _has_mark(path):
        return None
    import c2pa  # 15 MB that few files need

    try:
        with path.open("rb") as stream:
            reader = c2pa.Reader.try_create(FORMATS[container], stream, context=_context())
            if reader is None:
                return None
            with reader:
                store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return Credentials("elsewhere" if str(error).startswith("Remote:") else "invalid", declares_ai=False)
    state = store.get("validation_state")
    return Credentials("valid" if state in ("Valid", "Trusted") else "invalid", declares_ai=_declares_ai(store))


def _has_mark(path: Path) -> bool:
    """Whether a file may have credentials, so that the library need not be loaded for most."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        return contents.find(MARK) >= 0 or contents.find(REFERENCE) >= 0


@cache
def _context() -> Any:
    import c2pa

    return c2pa.Context.from_dict(SETTINGS)


def _declares_ai(store: dict[str, Any]) -> bool:
    """Whether any manifest of the store, so that of a part of the picture too, says that generative AI made it."""
    return any(str(source).endswith(AI_SOURCES) for source in _digital_sources(store.get("manifests")))


def _digital_sources(part: object) -> Iterator[object]:
    """Every source that is named, wherever: strangers need not keep to the schema."""
    if isinstance(part, dict):
        if "digitalSourceType" in part:
            yield part["digitalSourceType"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _digital_sources(inner)
