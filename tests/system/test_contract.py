"""What the OpenAPI document says, against a real service: requests made up from it, and real files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup

from tests.generators import face_frames, face_picture, numbered_frames, write_picture, write_video
from tests.server import running_server

EXAMPLES = "15"  # of each kind for each call; all take ten seconds
NOT_CHECKED = "positive_data_acceptance"  # what is made up is no picture, and so refused


def check(url: str, folder: Path, *options: str) -> None:
    """Let requests be made up from the document: each must be answered as it says."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--generation-deterministic"]
    command += ["--max-examples", EXAMPLES, "--exclude-checks", NOT_CHECKED]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def api(server):
    return schemathesis.openapi.from_url(server.url + "/openapi.json")


def test_whatever_is_asked_is_answered_as_described(server, tmp_path):
    check(server.url, tmp_path)


def test_where_a_key_is_asked_for_the_document_says_so(tmp_path):
    with running_server(tmp_path, DETECTOR_API_KEYS="key") as server:
        server.wait_for("/readyz", 200)
        check(server.url, tmp_path, "--header", "Authorization: Bearer key", "--phases", "coverage")


@pytest.mark.parametrize("name", ["face.jpg", "face.mp4", "nothing.png", "nothing.mp4"])
def test_what_is_judged_is_answered_as_described(api, server, tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".mp4":
        write_video(path, face_frames(20) if "face" in name else numbered_frames(20))
    else:
        write_picture(path, face_picture() if "face" in name else numbered_frames(1)[0])
    response = server.predict(path)
    assert response.status_code == 200
    api["/predict"]["POST"].validate_response(response)
    frame = server.get(f"/static/{response.json()['frames'][0]}")
    api["/static/{name}"]["GET"].validate_response(frame)


def test_what_is_told_of_an_analysis_is_as_described(api, server, tmp_path):
    path, identity = write_picture(tmp_path / "a.jpg", face_picture()), "c0" * 16
    for query in ({"id": identity}, {"store": "false"}):
        api["/predict"]["POST"].validate_response(server.predict(path, **query))
    taken = server.predict(path, id=identity)
    assert taken.status_code == 409
    api["/predict"]["POST"].validate_response(taken)
    for method, answer in (("GET", server.get), ("DELETE", server.delete), ("GET", server.get)):
        response = answer(f"/analyses/{identity}")
        assert response.status_code == 200
        api["/analyses/{identity}"][method].validate_response(response)


def test_an_answer_with_a_field_that_is_not_described_would_be_noticed(api, server, tmp_path):
    response = server.predict(write_picture(tmp_path / "a.jpg", face_picture()))
    response._content = response.content.replace(b'"verdict":', b'"verdict_":')
    with pytest.raises(FailureGroup):
        api["/predict"]["POST"].validate_response(response)
