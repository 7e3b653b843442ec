"""The service: the only place where its parts are put together."""

from __future__ import annotations

import errno
import logging
import resource
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

if not __package__:  # `python backend/app.py` looks for modules in backend/, where ours would shadow the standard ones
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
from flask import Flask

from backend.allocation import keep_freed_memory
from backend.api.access import Rates, register_access
from backend.api.admission import Admission
from backend.api.analyses import Analyses
from backend.api.bodies import Reception, Room
from backend.api.docs import create_docs
from backend.api.errors import register_error_handlers
from backend.api.headers import register_headers
from backend.api.jobs import create_jobs
from backend.api.judging import Judge
from backend.api.page import PageSettings, create_page
from backend.api.receiving import FORM_PARTS, UploadRequest
from backend.api.request_log import configure_logging, register_request_log
from backend.api.routes import Services, create_blueprint
from backend.api.serving import Deadlines, create_server
from backend.assembly import hide_secrets, new_model, open_storage, start_examiner
from backend.config import MEBIBYTE, ROOT, Settings, SettingsError, load_settings
from backend.engines import new_engine
from backend.examination import start_workers
from backend.model.holder import ModelHolder
from backend.model.runtimes import NoGpuError, choose_gpus
from backend.pipeline import Examiner
from backend.store.purge import schedule_purge

logger = logging.getLogger("backend")

FORM_OVERHEAD = MEBIBYTE  # bytes around the file in a multipart form, at the most
PROBE_THREADS = 4  # more than the analyses admitted, so that a health probe never waits for one
CONNECTIONS = 1000
SPARE_BODIES = 4  # that may be received while those of all files that are judged or wait are still kept
FILES_A_CONNECTION = 4  # its socket, its body, and room for the frames and uploads of requests that are served
LOADING_PATIENCE = 10  # seconds
ARENAS_A_CORE = 2  # in which freed memory is kept; the default is 8
PAGE_FOLDER = ROOT / "frontend" / "dist"
PAGE_CONNECTIONS = 64
PAGE_THREADS = 2
PAGE_SECONDS = 20  # in which a request's body must have come, though none is wanted
LOCAL = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104  # addresses to listen on that localhost leads to


def create_app(settings: Settings, model: ModelHolder, examine: Examiner) -> Flask:
    """Put the service together; its model, its examiner and the runner of its jobs are started by whoever calls."""
    app = Flask(__name__, static_folder=None)
    app.request_class = UploadRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(
        MAX_CONTENT_LENGTH=settings.upload_limit + FORM_OVERHEAD,
        MAX_FORM_PARTS=FORM_PARTS,
        UPLOAD_FOLDER=settings.upload_folder,
    )
    register_request_log(app)
    keys = [key.get_secret_value() for key in settings.api_keys]
    rates = Rates(settings.rate_limit)
    register_access(app, settings.allowed_hosts, keys, rates)
    register_error_handlers(app, settings.upload_limit)
    admission = Admission(settings.analyses, settings.queue)
    storage = open_storage(settings)
    analyses = Analyses(storage.frames, settings.retention)
    judge = Judge(settings, model, examine, start_workers(settings.threads), storage.frames)
    engine = new_engine(settings, storage, judge, admission)
    app.register_blueprint(create_blueprint(Services(settings, model, admission, analyses, judge, engine.jobs)))
    app.register_blueprint(create_jobs(engine.jobs, settings, model, rates))
    app.extensions["engine"] = engine
    app.register_blueprint(create_docs(bool(settings.api_keys)))
    register_headers(app, settings.allowed_origins)
    return app


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
    keep_freed_memory(ARENAS_A_CORE * settings.threads)
    cv2.setNumThreads(1)  # frames are drawn side by side; threads within one would only be in each other's way
    for folder in (settings.upload_folder, settings.frame_folder, settings.job_folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            print(f"Cannot start: the folder {folder} cannot be used: {error.strerror}.", file=sys.stderr)
            return 1
    model = new_model(settings)
    try:
        hide_secrets(settings)
        examiner = start_examiner(settings, [settings.upload_folder])
        app = create_app(settings, model, examiner.examine)
    except ModuleNotFoundError as error:
        print(f"Cannot start: {error.name} is missing; pip install -r requirements-fleet.txt", file=sys.stderr)
        return 2
    body_bytes = settings.upload_limit + FORM_OVERHEAD
    engine = app.extensions["engine"]
    try:
        server = create_server(
            app,
            Reception(
                folder=settings.upload_folder,
                body_bytes=body_bytes,
                room=Room((settings.analyses + settings.queue + SPARE_BODIES) * body_bytes),
                connections=_allow_connections(),
            ),
            Deadlines(upload=settings.upload_seconds),
            host=settings.host,
            port=settings.port,
            threads=settings.analyses + settings.queue + PROBE_THREADS,
        )
    except OSError as error:
        print(f"Cannot start: {_why_not_listening(error, settings)}", file=sys.stderr)
        return 1
    model.start()
    engine.start()
    scheduler = schedule_purge(engine.purges, settings.purge_interval)
    signal.signal(signal.SIGTERM, _stop)
    print(f"Serving on http://{_address(settings.host, settings.port)}", file=sys.stderr)
    if settings.page_port:
        print(start_page(settings), file=sys.stderr)
    server.run()
    engine.close()
    scheduler.shutdown(wait=False)
    model.wait(LOADING_PATIENCE)  # a runtime that is being loaded while Python ends aborts the process
    examiner.close()
    return 0


def start_page(settings: Settings) -> str:
    """Serve the page beside the service, in a thread of its own; what to say of it."""
    address = _address("localhost" if settings.host in LOCAL else settings.host, settings.page_port)
    try:
        server = create_server(
            create_page(PAGE_FOLDER, PageSettings(settings.port, settings.allowed_hosts, settings.allowed_origins)),
            Reception(folder=settings.upload_folder, body_bytes=0, room=Room(0), connections=PAGE_CONNECTIONS),
            Deadlines(upload=PAGE_SECONDS),
            host=settings.host,
            port=settings.page_port,
            threads=PAGE_THREADS,
        )
    except FileNotFoundError as error:
        return f"The page is not served: {error} is missing."
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = f"port {settings.page_port} is taken" if taken else error.strerror or error
        return f"The page is not served: {why}. Choose another port with DETECTOR_PAGE_PORT=3001, or 0 for no page."
    threading.Thread(target=server.run, name="page", daemon=True).start()
    return f"The page is on http://{address}"


def _allow_connections() -> int:
    """Ask for as many open files as CONNECTIONS need; how many connections those that we got are enough for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * FILES_A_CONNECTION + PAGE_CONNECTIONS
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return (allowed - PAGE_CONNECTIONS) // FILES_A_CONNECTION


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _why_not_listening(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} is taken. Choose another with DETECTOR_PORT=5001, or stop the other program "
            "(on macOS port 5000 belongs to AirPlay: System Settings, General, AirDrop & Handoff, AirPlay Receiver)."
        )
    return f"cannot listen on {_address(settings.host, settings.port)}: {error.strerror or error}."


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
