"""What every answer tells browsers: what it may do there, and who may read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Flask, Response
from flask_cors import CORS

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # A page of another origin shows frames in <img>, which knows no CORS; their names are the secret.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def register_headers(app: Flask, allowed_origins: Sequence[str]) -> None:
    """Set them on every answer, errors and preflights included, unless its route has set others."""

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    CORS(
        app,
        # Compiled, since a string is compared without regard to case, or taken as a pattern if it has a bracket.
        origins=[re.compile(re.escape(origin) + r"\Z") for origin in allowed_origins],
        methods=["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
        expose_headers=["X-Request-ID", "X-Model-Version", "Retry-After", "Location"],
        max_age=600,
    )
