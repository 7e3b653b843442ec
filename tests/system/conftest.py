from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it is shipped, warmed."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        running.wait_for("/readyz", 200)
        yield running
