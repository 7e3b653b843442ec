"""The routes: parse the request, call the pipeline, shape the answer."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, jsonify, request, send_file
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from backend.api.admission import Admission
from backend.api.analyses import Analyses
from backend.api.answer import analysis_answer, model_facts
from backend.api.clients import client_of
from backend.api.contract import Deleted, Health, Limits, ModelFacts, Service
from backend.api.judging import Judge
from backend.api.queues import Queues
from backend.api.receiving import read_wish, receive_upload
from backend.config import Settings
from backend.examination import Stopwatch
from backend.jobs.jobs import Jobs
from backend.media.signatures import ALLOWED_EXTENSIONS
from backend.model.holder import ModelHolder
from backend.progress import Progress
from backend.store.frames import random_names

SERVICE = "deepfake-detector"
VERSION = "0.1.0"


@dataclass(frozen=True)
class Services:
    """What the routes work with."""

    settings: Settings
    model: ModelHolder
    admission: Admission
    analyses: Analyses
    judge: Judge
    jobs: Jobs


def create_blueprint(services: Services) -> Blueprint:
    """All routes, bound to their services."""
    settings = services.settings
    blueprint = Blueprint("api", __name__)
    queues = CollectorRegistry()
    queues.register(Queues(services.jobs.figures))

    @blueprint.get("/")
    def index() -> Response:
        return jsonify(
            Service(status="ok", service=SERVICE, version=VERSION, model=_model(services), limits=_limits(settings))
        )

    @blueprint.get("/livez")
    def livez() -> Response:
        return jsonify(Health(status="ok"))

    @blueprint.get("/readyz")
    def readyz() -> Response:
        services.model.require()
        return jsonify(Health(status="ok"))

    @blueprint.get("/metrics")
    def prometheus() -> Response:
        told = generate_latest() + generate_latest(queues)
        return Response(told, content_type=CONTENT_TYPE_LATEST)

    @blueprint.post("/predict")
    def predict() -> Response:
        wish = read_wish(request.args)
        model = services.model.require()
        identity = wish.identity or g.request_id
        names = random_names() if wish.store else None
        stopwatch = Stopwatch()
        with (
            services.analyses.follow(identity) as progress,
            services.admission.enter(progress, client_of(request.remote_addr or "")),
            stopwatch.stage("total"),
        ):
            with stopwatch.stage("receiving"):
                upload = receive_upload(request, settings.upload_limit)
            judged = services.judge.judge(upload, model, names, stopwatch, progress)
        answer = services.judge.tell(judged, identity, stopwatch)
        details = answer["details"]
        g.facts = {"bytes": upload.size, "verdict": details["verdict"], "timing_ms": details["timing_ms"]}
        return jsonify(answer)

    @blueprint.get("/analyses/<identity>")
    def analysis(identity: str) -> Response:
        return jsonify(analysis_answer(identity, _known(services, identity)))

    @blueprint.delete("/analyses/<identity>")
    def delete_analysis(identity: str) -> Response:
        deleted = services.analyses.delete(_known(services, identity))
        services.admission.look_again()
        return jsonify(Deleted(status="ok", id=identity, files_deleted=deleted))

    @blueprint.get("/static/<name>")
    def frame(name: str) -> Response:
        stored = services.judge.frames.find(name)
        life = stored.seconds_left(settings.retention) if stored else 0
        if stored is None or not life:
            abort(404)
        response = send_file(stored.jpeg, mimetype="image/jpeg", max_age=life, etag=name, last_modified=stored.written)
        response.cache_control.public = False
        response.cache_control.private = True
        return response

    @blueprint.after_request
    def name_model(response: Response) -> Response:
        if services.model.model:
            response.headers["X-Model-Version"] = services.model.model.manifest.version
        return response

    return blueprint


def _known(services: Services, identity: str) -> Progress:
    return services.analyses.find(identity) or abort(404)


def _model(services: Services) -> ModelFacts | None:
    loaded = services.model.model
    return model_facts(loaded.manifest) if loaded else None


def _limits(settings: Settings) -> Limits:
    return {
        "upload_bytes": settings.upload_limit,
        "extensions": sorted(ALLOWED_EXTENSIONS),
        "picture_pixels": settings.picture_pixels,
        "picture_side": settings.picture_side,
        "retention_seconds": settings.retention,
    }
