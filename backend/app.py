"""The service: the only place where its parts are put together."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

if not __package__:  # `python backend/app.py` looks for modules in backend/, where ours would shadow the standard ones
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
from flask import Flask
from flask_cors import CORS
from waitress.server import create_server

from backend.api.admission import Admission
from backend.api.errors import register_error_handlers
from backend.api.receiving import UploadRequest
from backend.api.request_log import configure_logging, register_request_log
from backend.api.routes import Services, create_blueprint
from backend.config import MEBIBYTE, Settings, SettingsError, load_settings
from backend.examination import start_workers
from backend.isolation import IsolatedExaminer, WorkerLimits
from backend.model.classifier import Classifier
from backend.model.holder import ModelHolder
from backend.model.runtimes import NoGpuError, choose_gpus, load_classifier
from backend.pipeline import Examiner
from backend.store.purge import schedule_purge

logger = logging.getLogger("backend")

FORM_OVERHEAD = MEBIBYTE  # bytes around the file in a multipart form, at the most
BODY_LIMIT = 1024 * MEBIBYTE  # waitress' own, far above ours: its 413 is plain text and resets the sender
PROBE_THREADS = 4  # more than the analyses admitted, so that a health probe never waits for one
CONNECTIONS = 1000
LOADING_PATIENCE = 10  # seconds


def create_app(settings: Settings, model: ModelHolder, examine: Examiner) -> Flask:
    """Put the service together; its model and its examiner are started by whoever calls."""
    app = Flask(__name__, static_folder=None)
    app.request_class = UploadRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(MAX_CONTENT_LENGTH=settings.upload_limit + FORM_OVERHEAD, UPLOAD_FOLDER=settings.upload_folder)
    register_request_log(app)
    register_error_handlers(app, settings.upload_limit)
    admission = Admission(settings.analyses, settings.queue)
    services = Services(settings, model, admission, examine, start_workers(settings.threads))
    app.register_blueprint(create_blueprint(services))
    CORS(
        app,
        origins=list(settings.allowed_origins),
        methods=["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
        expose_headers=["X-Request-ID", "X-Model-Version", "Retry-After"],
        max_age=600,
    )
    return app


def load_model(settings: Settings) -> Classifier:
    """The classifier that the settings ask for."""
    return load_classifier(
        settings.model_path,
        settings.fake_index,
        settings.cache_folder,
        settings.precision,
        settings.threads,
        settings.device,
    )


def main() -> int:
    """Serve until stopped; the exit status."""
    try:
        settings = load_settings()
        if settings.device == "gpu":
            choose_gpus(settings.device)
    except (SettingsError, NoGpuError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    cv2.setNumThreads(1)  # frames are drawn side by side; threads within one would only be in each other's way
    folders = (settings.upload_folder, settings.frame_folder)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    model = ModelHolder(settings.model_path, lambda: load_model(settings))
    limits = WorkerLimits(settings.wall_seconds, settings.processor_seconds)
    examiner = IsolatedExaminer(settings.analyses, settings.threads, limits)
    try:
        server = create_server(
            create_app(settings, model, examiner.examine),
            host=settings.host,
            port=settings.port,
            threads=settings.analyses + settings.queue + PROBE_THREADS,
            max_request_body_size=BODY_LIMIT,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            ident=None,
        )
    except OSError as error:
        print(f"Cannot start: {_why_not_listening(error, settings)}", file=sys.stderr)
        return 1
    model.start()
    scheduler = schedule_purge(folders, settings.retention, settings.purge_interval)
    signal.signal(signal.SIGTERM, _stop)
    print(f"Serving on http://{settings.host}:{settings.port}", file=sys.stderr)
    server.run()
    scheduler.shutdown(wait=False)
    model.wait(LOADING_PATIENCE)  # a runtime that is being loaded while Python ends aborts the process
    examiner.close()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _why_not_listening(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} is taken. Choose another with DETECTOR_PORT=5001, or stop the other program "
            "(on macOS port 5000 belongs to AirPlay: System Settings, General, AirDrop & Handoff, AirPlay Receiver)."
        )
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}."


if __name__ == "__main__":
    sys.exit(main())
