from __future__ import annotations

import pytest

from tests.hostile.__main__ import attack
from tests.hostile.files import all_cases
from tests.server import running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with running_server(tmp_path_factory.mktemp("hostile")) as running:
        running.wait_for("/readyz", 200)
        yield running


def test_every_hostile_file_is_answered_rightly_and_leaves_nothing_behind(server):
    assert attack(server.url, all_cases(seed=0)) == []
    assert not any(server.uploads.glob("upload-*"))
    assert not any(server.static.glob("*.part"))
    assert server.get("/readyz").status_code == 200
    assert "Traceback" not in server.log
