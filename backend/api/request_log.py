"""An id for every request, and one structured line and a count when it ends; never the name of an upload."""

from __future__ import annotations

import logging
import secrets
from time import perf_counter

from flask import Flask, Response, g, request
from pythonjsonlogger.json import JsonFormatter

from backend import metrics

logger = logging.getLogger("backend.requests")


def configure_logging(level: str) -> None:
    """One JSON object a line, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter("{levelname}{name}{message}", style="{", timestamp=True))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("apscheduler", "waitress"):  # the one tells of every job, the other names frames, which are secrets
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def register_request_log(app: Flask) -> None:
    """Give requests their ids, and log each when it ends."""

    @app.before_request
    def begin() -> None:
        g.request_id = secrets.token_hex(8)
        g.started = perf_counter()
        g.facts = {}

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        route = request.url_rule.rule if request.url_rule else None
        metrics.REQUESTS.labels(route or metrics.NO_ROUTE, response.status_code).inc()
        facts = {
            "request_id": g.request_id,
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "total_ms": round(1000 * (perf_counter() - g.started), 1),
            "received_bytes": request.content_length,
            **({"error_code": g.error_code} if "error_code" in g else {}),
            **g.facts,
        }
        logger.info("request", extra=facts)
        return response
