"""The container, as far as it can be shown without an engine: see tests/container.py."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from backend.config import ROOT, Settings
from tests.container import TOOLS, Container, is_possible, read_recipe
from tests.generators import face_picture, write_picture
from tests.server import Server, free_port

COMPOSE = ROOT / "deploy" / "compose.yaml"
needs_root = pytest.mark.skipif(not is_possible(), reason=f"needs root with namespaces, and {', '.join(TOOLS)}")


@pytest.fixture
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]["detector"]


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    ports = {"DETECTOR_PORT": str(free_port()), "DETECTOR_PAGE_PORT": str(free_port())}
    return Container(tmp_path_factory.mktemp("container"), **ports)


@pytest.fixture(scope="module")
def server(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log_path = tmp_path_factory.mktemp("log") / "log"
    with log_path.open("wb") as log:
        process = container.start(container.recipe.command, log.fileno())
    url = f"http://127.0.0.1:{container.environment['DETECTOR_PORT']}"
    running = Server(url, container.data / "uploads", container.data / "frames", log_path, process)
    try:
        running.wait_for("/readyz", 200)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, running.log


@needs_root
def test_it_judges_and_serves_the_page_and_keeps_nothing_outside_its_data(server, container, tmp_path):
    answer = server.predict(write_picture(tmp_path / "a.jpg", face_picture())).json()
    assert answer["status"] == "success" and answer["details"]["model"]["calibrated"] is True
    assert server.get(f"/static/{answer['frames'][0]}").status_code == 200
    assert (container.data / "frames" / answer["frames"][0]).exists()
    page = requests.get(f"http://localhost:{container.environment['DETECTOR_PAGE_PORT']}/", timeout=30)
    assert page.status_code == 200 and "<title>" in page.text
    assert any((container.data / "cache").iterdir()) and not list(container.application.rglob("__pycache__"))
    assert "Traceback" not in server.log and "WARNING" not in server.log


@needs_root
def test_it_runs_as_somebody_without_rights(server, container):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    facts = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    assert set(facts["Uid"].split()) == {str(container.recipe.user)} != {"0"}
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0 and facts["NoNewPrivs"] == "1"
    for place in ("/app/backend/app.py", "/etc/passwd", "/usr/x", "/x"):
        code, said = container.run(["python", "-c", f"open({place!r}, 'a')"])
        assert code == 1 and re.search("Read-only|Permission denied", said), said


@needs_root
def test_its_health_check_tells_whether_it_is_ready(server, container, tmp_path):
    assert container.run(container.recipe.health) == (0, "")
    other = Container(tmp_path, DETECTOR_PORT=str(free_port()))
    assert other.run(other.recipe.health) == (1, "")


def test_the_fleet_takes_all_rights_away_too_and_sets_what_is_a_setting(compose):
    services = yaml.safe_load((COMPOSE.parent / "compose.fleet.yaml").read_text())["services"]
    known = {f"DETECTOR_{name.upper()}" for name in Settings.model_fields}
    for part in (services["service"], services["worker"]):
        for name in ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit"):
            assert part[name] == compose[name]
        assert {name for name in part["environment"] if name.startswith("DETECTOR_")} <= known
    assert (services["service"]["deploy"], services["worker"]["deploy"]) == ({"replicas": 2}, {"replicas": 3})
    assert all("ports" not in services[name] for name in ("redis", "store", "worker"))


def test_compose_takes_all_rights_away(compose):
    assert compose["read_only"] is True and compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"] and "privileged" not in compose
    assert compose["mem_limit"] == "4g" and compose["pids_limit"] == 512


def test_compose_lets_this_machine_alone_in_and_gives_it_a_place_for_all_that_is_written(compose):
    assert {port.partition(":")[0] for port in compose["ports"]} == {"127.0.0.1"} and len(compose["ports"]) == 2
    written = [value for name, value in read_recipe().environment.items() if name.endswith("_FOLDER")]
    assert len(written) == 4 and all(folder.startswith("/data/") for folder in written)
    assert compose["volumes"] == ["data:/data"] and compose["tmpfs"][0].startswith("/tmp:")
    for name, port in (("port", 5000), ("page_port", 3000)):
        variable = f"DETECTOR_{name.upper()}"
        assert Settings.model_fields[name].default == port
        assert compose["environment"][variable] == f"${{{variable}:-{port}}}"


def test_the_builder_gets_what_it_copies_and_no_run_time_files():
    ignore = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {source for sources, _ in read_recipe().copies for source in sources}
    assert "*" in ignore and {f"!{source}" for source in copied} <= set(ignore)
    assert all((ROOT / source).exists() for source in copied)
    assert {"backend/uploads/*", "backend/static/*", "**/__pycache__"} <= set(ignore)
