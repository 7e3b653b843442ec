"""The service with its page, each on a port of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.server import Server, free_port, running_server


@dataclass(frozen=True)
class Site:
    """A running service and the address of its page."""

    server: Server
    url: str


@contextlib.contextmanager
def running_site(folder: Path, **settings: str) -> Iterator[Site]:
    """Start the service with its page."""
    port = settings.pop("DETECTOR_PAGE_PORT", str(free_port()))
    folder.mkdir(exist_ok=True)
    with running_server(folder, DETECTOR_PAGE_PORT=port, **settings) as server:
        yield Site(server, f"http://localhost:{port}")
