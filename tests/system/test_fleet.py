"""Services and workers as processes, over a real Redis and a real object store: any of them may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from backend.jobs.redis_ledger import PREFIX
from tests.chaos import WORKERS, Fleet, Kills, counted, facts, frames_of, leftovers, running_fleet, try_out
from tests.fleet import Worker
from tests.generators import face_picture, write_picture
from tests.server import wait_until
from tests.system.test_jobs import wait_for_end, wait_until_begun

RETRIES = "detector_job_retries_total"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


def test_any_service_takes_a_job_tells_of_it_and_shows_its_frames(fleet, tmp_path):
    first, second = fleet.services
    picture = write_picture(tmp_path / "a.jpg", face_picture())
    answer = first.predict(picture).json()
    assert second.get(f"/static/{answer['frames'][0]}").status_code == 200
    location = first.submit(picture).headers["Location"]
    job = wait_for_end(second, location)
    body = job["results"][0]["body"]
    assert job["state"] == "done" and facts(body) == facts(answer)
    frames = [server.get(f"/static/{body['frames'][0]}") for server in (first, second)]
    assert frames[0].content == frames[1].content and frames[0].status_code == frames[1].status_code == 200
    assert second.delete(location).json()["files_deleted"] == 2
    assert first.get(location).status_code == 404
    assert sorted(frames_of(answer)) == sorted(fleet.store.names())
    first.delete(f"/analyses/{answer['details']['id']}")
    assert fleet.store.names() == []


def test_a_worker_loads_the_model_once_takes_a_message_when_it_is_free_and_acknowledges_late(fleet, slow_video):
    service = fleet.services[0]
    locations = [service.submit(slow_video).headers["Location"] for _ in range(3 * WORKERS)]
    for location in locations[:WORKERS]:
        wait_until_begun(service, location)
    with redis.Redis.from_url(fleet.redis.url) as client:
        assert client.hlen(f"{PREFIX}unacked") == WORKERS
        for location in 2 * locations:  # cancelled, and then forgotten
            service.delete(location)
        wait_until(lambda: not client.hlen(f"{PREFIX}unacked"), 30)
    assert [worker.log.count("model ready") for worker in fleet.workers] == [1] * WORKERS


def test_what_killed_workers_were_judging_is_judged_again_from_its_beginning(fleet, slow_video):
    before = counted(fleet)[RETRIES]
    location = fleet.services[0].submit(slow_video).headers["Location"]
    wait_until_begun(fleet.services[1], location)
    for worker in fleet.workers:
        worker.kill()
        worker.start()
    assert wait_for_end(fleet.services[1], location)["state"] == "done"
    assert counted(fleet)[RETRIES] == before + 1
    fleet.services[0].delete(location)


def test_workers_that_are_restarted_one_by_one_lose_nothing_and_give_back_what_they_do_not_finish(fleet, slow_video):
    before = counted(fleet)[RETRIES]
    service = fleet.services[0]
    locations = [service.submit(slow_video, key=str(n)).headers["Location"] for n in range(4)]
    wait_until_begun(service, locations[0])
    for worker in fleet.workers:
        worker.wait_until_ready()
        worker.stop()
        assert "Traceback" not in worker.log
        worker.start()
    assert [wait_for_end(service, location)["state"] for location in locations] == ["done"] * 4
    assert counted(fleet)[RETRIES] == before
    for location in locations:
        service.delete(location)


def test_workers_that_outlive_redis_go_on_though_they_could_not_acknowledge(fleet, slow_video):
    service = fleet.services[0]
    for worker in fleet.workers:
        worker.wait_until_ready()
    locations = [service.submit(slow_video).headers["Location"] for _ in fleet.workers]
    for location in locations:
        wait_until_begun(service, location)
    fleet.redis.kill()
    wait_until(lambda: all("Couldn't ack" in worker.log for worker in fleet.workers), 120)
    fleet.redis.start()
    assert [wait_for_end(service, location)["state"] for location in locations] == ["done"] * WORKERS
    with redis.Redis.from_url(fleet.redis.url) as client:
        wait_until(lambda: [one["cmd"] for one in client.client_list()].count("brpop") == WORKERS, 30)
    for location in locations:
        service.delete(location)


def test_while_workers_and_redis_are_killed_every_job_ends_once_with_the_right_answer_and_leaves_nothing(fleet):
    for worker in fleet.workers:
        worker.wait_until_ready()
    trial = try_out(fleet, 12, Kills(workers=2, redis=1, pause=(0.2, 1), away=(0, 1)), seed=16)
    assert trial.jobs == 12
    wait_until(lambda: not [name for name in leftovers(fleet) if "unacked" not in name], 30)


def test_a_worker_that_knows_no_broker_says_what_is_missing(tmp_path):
    worker = Worker(tmp_path / "worker")
    assert worker.wait() == 2 and "DETECTOR_BROKER_URL" in worker.log
