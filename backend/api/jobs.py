"""The routes of jobs: files that are sent now and judged when there is time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, g, jsonify, request, url_for

from backend.api.access import Rates
from backend.api.answer import rfc_3339
from backend.api.clients import client_of
from backend.api.contract import Deleted, JobFacts, Result
from backend.api.receiving import read_key, read_store, receive_uploads
from backend.config import Settings
from backend.jobs.job import Job, Order, Outcome, Queue
from backend.jobs.jobs import Jobs
from backend.media.signatures import PICTURES, SIGNATURE_LENGTH, recognise
from backend.model.holder import ModelHolder
from backend.store.uploads import Upload


def create_jobs(jobs: Jobs, settings: Settings, model: ModelHolder, rates: Rates) -> Blueprint:
    """The routes, bound to what they work with."""
    blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

    @blueprint.post("")
    def submit() -> tuple[Response, int, dict[str, str]]:
        store, key = read_store(request.args), read_key(request.headers.get("Idempotency-Key"))
        model.require()
        uploads = receive_uploads(request, settings.upload_limit)
        client = client_of(request.remote_addr or "")
        rates.count(client, len(uploads) - 1)  # the first was, when the request came
        queue: Queue = settings.video_queue if any(map(_is_video, uploads)) else "cpu"
        identity = jobs.submit(Order(client, g.request_id, uploads, store, key, queue))
        return _answer(jobs, settings, identity), 202, {"Location": url_for(".job", identity=identity)}

    @blueprint.get("/<identity>")
    def job(identity: str) -> Response:
        return _answer(jobs, settings, identity)

    @blueprint.delete("/<identity>")
    def delete_job(identity: str) -> Response:
        deleted = jobs.remove(identity)
        if deleted is None:
            abort(404)
        return jsonify(Deleted(status="ok", id=identity, files_deleted=deleted))

    return blueprint


def _is_video(upload: Upload) -> bool:
    with upload.path.open("rb") as file:
        return recognise(file.read(SIGNATURE_LENGTH)) not in PICTURES


def _answer(jobs: Jobs, settings: Settings, identity: str) -> Response:
    job = jobs.find(identity) or abort(404)
    return jsonify(_facts(identity, job, settings.retention))


def _facts(identity: str, job: Job, retention: int) -> JobFacts:
    return {
        "id": identity,
        "state": job.state,
        "stage": job.stage,
        "progress": round(job.progress, 4),
        "position": job.position,
        "created_at": rfc_3339(datetime.fromtimestamp(job.created, UTC)),
        "expires_at": rfc_3339(datetime.fromtimestamp((job.ended or job.created) + retention, UTC)),
        "results": [_result(part.outcome) for part in job.parts],
    }


def _result(outcome: Outcome | None) -> Result | None:
    return None if outcome is None else {"status": outcome.status, "body": json.loads(outcome.body)}
