"""An analysis that is asked about and cancelled while a real worker is at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.generators import face_picture, write_picture
from tests.server import Server, running_server, wait_until

ID = "0123456789abcdef" * 2


def instants(server: Server) -> int:
    return server.get(f"/analyses/{ID}").json().get("instants_examined", 0)


def test_a_cancelled_analysis_ends_early_leaves_nothing_and_frees_its_place(tmp_path, slow_video):
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    with running_server(tmp_path, DETECTOR_ANALYSES="1") as server, ThreadPoolExecutor(1) as pool:
        server.wait_for("/readyz", 200)
        assert server.predict(picture, store="false").status_code == 200
        (worker,) = server.workers()
        posted = pool.submit(server.predict, slow_video, id=ID)
        wait_until(lambda: instants(server), 30)
        assert server.delete(f"/analyses/{ID}").json() == {"status": "ok", "id": ID, "files_deleted": 0}
        response = posted.result(30)
        assert (response.status_code, response.json()["code"]) == (410, "cancelled")
        found = server.get(f"/analyses/{ID}").json()
        assert found["state"] == "cancelled" and found["instants_examined"] < found["instants_expected"] == 16
        assert not any(server.uploads.glob("upload-*")) and not any(server.static.glob("*.jpg*"))
        (replacement,) = server.workers()
        assert replacement != worker
        assert server.predict(picture).status_code == 200
        assert "Traceback" not in server.log
