from __future__ import annotations

from tests.hostile.fuzz import Fuzz, run, some_contents
from tests.server import running_server


def test_what_hypothesis_makes_up_is_answered_decently(tmp_path):
    with running_server(tmp_path) as server:
        server.wait_for("/readyz", 200)
        run(Fuzz(server.url), some_contents(tmp_path), executions=150)
        assert "Traceback" not in server.log
        assert not any(server.uploads.glob("upload-*"))
