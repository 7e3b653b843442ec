"""The OpenAPI document, and a page that shows it and tries it out, without asking any other machine for anything."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, abort, current_app, jsonify, send_from_directory

from backend.api.openapi import openapi_document

VIEWER = "flask_swagger_ui"  # of this package only the viewer's own files are used
FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
START = "start.js"  # a file of its own, so that the page needs no inline script
# Its icons are data:, frames that were tried out blob:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Deepfake detector: the calls</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="calls"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/{START}"></script>
</html>
"""
STARTED = 'SwaggerUIBundle({ url: "/openapi.json", dom_id: "#calls", validatorUrl: null });\n'


def create_docs(keys_are_needed: bool) -> Blueprint:
    """The routes of both."""
    blueprint = Blueprint("docs", __name__)

    @blueprint.get("/openapi.json")
    def document() -> Response:
        return jsonify(openapi_document(current_app.url_map.iter_rules(), keys_are_needed))

    @blueprint.get("/docs")
    def page() -> Response:
        response = Response(PAGE, mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @blueprint.get("/docs/<name>")
    def file(name: str) -> Response:
        if name == START:
            return Response(STARTED, mimetype="text/javascript")
        if name not in FILES:
            abort(404)
        return send_from_directory(str(files(VIEWER) / "dist"), name)

    return blueprint
