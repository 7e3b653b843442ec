"""The OpenAPI document of the service, generated from its routes, its answers' types and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from werkzeug.routing import Rule

from backend import errors
from backend.api.access import OPEN_ROUTES
from backend.api.contract import Analysis, Deleted, Failure, Health, Service, Success
from backend.api.errors import HTTP_CODES, STATUS
from backend.api.receiving import FIELD, IDENTITY
from backend.api.routes import VERSION
from backend.store.frames import FRAME_NAME

Json: TypeAlias = dict[str, Any]

SCHEMAS = "#/components/schemas/{model}"
JSON = "application/json"
REQUEST_ID = "413a272f9174c637"  # any, in examples
# Of an analysis, as a client chose it or as that of its request.
KNOWN_IDENTITY = re.compile(r"[0-9a-f]{16}([0-9a-f]{16})?")
EVERYWHERE = ("bad_request", "host_not_allowed", "too_slow", "internal_error")
OF_FILES = (
    "missing_file",
    "empty_filename",
    "file_too_large",
    "unsupported_type",
    "unreadable_media",
    "no_video_stream",
    "media_too_complex",
    "id_taken",
    "cancelled",
    "too_many_requests",
    "busy",
    "not_ready",
    "storage_failed",
)


@dataclass(frozen=True)
class Operation:
    """What a route does: in words, what it answers (a type, or a media type), and the codes of its own errors."""

    summary: str
    answer: type | str
    codes: Sequence[str] = ()
    takes_file: bool = False


PATH_PARAMETERS = {"name": FRAME_NAME, "identity": KNOWN_IDENTITY}
OPERATIONS = {
    "api.index": Operation("What the service is, its model and its limits; at once, also without a model.", Service),
    "api.livez": Operation("Whether the process is up.", Health),
    "api.readyz": Operation("Whether the model is loaded and gave its golden logits.", Health, ["not_ready"]),
    "api.prometheus": Operation("Numbers for Prometheus.", "text/plain"),
    "api.predict": Operation("Judge a video or a picture.", Success, OF_FILES, takes_file=True),
    "api.analysis": Operation("How far an analysis is; known as long as frames are kept.", Analysis, ["not_found"]),
    "api.delete_analysis": Operation(
        "Cancel an analysis that runs; delete the frames of one that is done.", Deleted, ["not_found", "storage_failed"]
    ),
    "api.frame": Operation("A frame, until it is purged.", "image/jpeg", ["not_found", "range_not_satisfiable"]),
}


def openapi_document(rules: Iterable[Rule], keys_are_needed: bool) -> Json:
    """Describe the routes; an OpenAPI 3.1 document."""
    described = [rule for rule in rules if rule.endpoint in OPERATIONS]
    paths: dict[str, Json] = {}
    for rule in sorted(described, key=lambda rule: rule.rule):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = _operation(rule, keys_are_needed and rule.endpoint not in OPEN_ROUTES)
            paths.setdefault(re.sub(r"<(\w+)>", r"{\1}", rule.rule), {})[method.lower()] = operation
    answers = {one.answer for one in OPERATIONS.values() if isinstance(one.answer, type)} | {Failure}
    adapters = [TypeAdapter[Any](one) for one in sorted(answers, key=lambda one: one.__name__)]
    _, schemas = TypeAdapter.json_schemas(
        [(place, "serialization", adapter) for place, adapter in enumerate(adapters)], ref_template=SCHEMAS
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deepfake detector",
            "version": VERSION,
            "description": "Says of a video or a picture whether its faces look real or generated. A verdict is "
            "evidence, not proof.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def error_examples() -> dict[str, tuple[int, str]]:
    """Every code with its status and a sentence."""
    examples = {code: (status, sentence) for status, (code, sentence) in reversed(HTTP_CODES.items())}
    for kind in errors.DetectorError.__subclasses__():
        examples[kind.code] = (STATUS[kind.code], kind.__doc__ or "")
    return examples


def _operation(rule: Rule, needs_key: bool) -> Json:
    operation = OPERATIONS[rule.endpoint]
    codes = (*EVERYWHERE, *operation.codes, *(["unauthorized"] if needs_key else []))
    described: Json = {
        "operationId": rule.endpoint.removeprefix("api."),
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _like(PATH_PARAMETERS[name])}
            for name in sorted(rule.arguments)
        ],
        "responses": {"200": _success(operation.answer), **_failures(codes)},
        "security": [{"key": []}] if needs_key else [],
    }
    if operation.takes_file:
        described["parameters"] += _wishes()
        described["requestBody"] = _upload()
    return described


def _success(answer: type | str) -> Json:
    if isinstance(answer, str):
        return {"description": "As asked.", "content": {answer: {"schema": {"type": "string"}}}}
    schema = {"$ref": SCHEMAS.format(model=answer.__name__)}
    return {"description": answer.__doc__, "content": {JSON: {"schema": schema}}}


def _failures(codes: Sequence[str]) -> dict[str, Json]:
    """The responses to all that can go wrong, by status, with an example for each code."""
    responses: dict[str, Json] = {}
    for code in codes:
        status, sentence = error_examples()[code]
        examples = responses.setdefault(
            str(status),
            {
                "description": "Not done.",
                "content": {JSON: {"schema": {"$ref": SCHEMAS.format(model=Failure.__name__)}, "examples": {}}},
            },
        )["content"][JSON]["examples"]
        examples[code] = {"value": Failure(status="error", code=code, error=sentence, request_id=REQUEST_ID)}
    for retried in {"429", "503"} & responses.keys():
        responses[retried]["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        }
    return dict(sorted(responses.items()))


def _upload() -> Json:
    file = {"type": "string", "format": "binary", "description": "mp4, avi, mov, jpg, jpeg or png."}
    schema = {"type": "object", "properties": {FIELD: file}, "required": [FIELD]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _wishes() -> list[Json]:
    identity = "The id that the analysis is to have; without one, that of the request."
    store = "Whether frames are stored, to be had for a while."
    return [
        {"name": "id", "in": "query", "description": identity, "schema": _like(IDENTITY)},
        {"name": "store", "in": "query", "description": store, "schema": {"type": "boolean", "default": True}},
    ]


def _like(pattern: re.Pattern[str]) -> Json:
    return {"type": "string", "pattern": f"^({pattern.pattern})$"}
