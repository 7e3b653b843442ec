"""The routes: parse the request, call the pipeline, shape the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort, g, jsonify, request, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend import metrics
from backend.api.admission import Admission
from backend.api.analyses import Analyses
from backend.api.answer import analysis_answer, model_facts, success_answer
from backend.api.contract import Deleted, Health, Limits, ModelFacts, Service
from backend.api.receiving import read_wish, receive_upload
from backend.assembly import how_closely
from backend.config import Settings
from backend.examination import Stopwatch, Workers
from backend.media.signatures import ALLOWED_EXTENSIONS
from backend.model.holder import ModelHolder
from backend.pipeline import Examiner, analyse, publish
from backend.progress import Progress
from backend.store.frames import seconds_left

SERVICE = "deepfake-detector"
VERSION = "0.1.0"


@dataclass(frozen=True)
class Services:
    """What the routes work with."""

    settings: Settings
    model: ModelHolder
    admission: Admission
    analyses: Analyses
    examine: Examiner
    workers: Workers


def create_blueprint(services: Services) -> Blueprint:
    """All routes, bound to their services."""
    settings = services.settings
    blueprint = Blueprint("api", __name__)

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
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    @blueprint.post("/predict")
    def predict() -> Response:
        wish = read_wish(request.args)
        model = services.model.require()
        identity = wish.identity or g.request_id
        stopwatch = Stopwatch()
        published = None
        with (
            services.analyses.follow(identity) as progress,
            services.admission.enter(progress),
            stopwatch.stage("total"),
        ):
            with stopwatch.stage("receiving"):
                upload = receive_upload(request, settings.upload_limit)
            examination = how_closely(settings, model.manifest)
            analysis = analyse(
                upload.path, upload.sha256, model, services.examine, examination, services.workers, stopwatch, progress
            )
            if wish.store:
                progress.enter("drawing")
                with stopwatch.stage("drawing"):
                    calibration = model.manifest.calibration_of(analysis.basis)
                    published = publish(analysis, calibration, settings.frame_folder, services.workers, progress)
                progress.expires_at = datetime.now(UTC) + timedelta(seconds=settings.retention)
        timing_ms = {stage: round(spent, 1) for stage, spent in stopwatch.milliseconds.items()}
        g.facts = {"bytes": upload.size, "verdict": analysis.verdict, "timing_ms": timing_ms}
        metrics.count_judged(analysis.verdict, analysis.basis, timing_ms)
        return jsonify(
            success_answer(
                analysis,
                published,
                model.manifest,
                examination,
                precision=settings.precision,
                identity=identity,
                timing_ms=timing_ms,
                expires_at=progress.expires_at,
            )
        )

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
        life = seconds_left(settings.frame_folder, name, settings.retention)
        if not life:
            abort(404)
        response = send_from_directory(settings.frame_folder.resolve(), name, mimetype="image/jpeg", max_age=life)
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
