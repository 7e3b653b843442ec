"""The one place where a failure becomes an answer."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from backend import errors
from backend.api.contract import Failure
from backend.api.receiving import too_large_sentence

logger = logging.getLogger(__name__)

STATUS = {
    errors.BadRequest.code: 400,
    errors.MissingFile.code: 400,
    errors.EmptyFilename.code: 400,
    errors.HostNotAllowed.code: 400,
    errors.Unauthorized.code: 401,
    errors.TooSlow.code: 408,
    errors.IdTaken.code: 409,
    errors.Cancelled.code: 410,
    errors.FileTooLarge.code: 413,
    errors.UnsupportedType.code: 415,
    errors.UnreadableMedia.code: 422,
    errors.NoVideoStream.code: 422,
    errors.MediaTooComplex.code: 422,
    errors.TooManyRequests.code: 429,
    errors.Busy.code: 503,
    errors.NotReady.code: 503,
    errors.StorageFailed.code: 503,
}

HTTP_CODES = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing here: it never was, or its time is over."),
    405: ("method_not_allowed", "This address does not take that method."),
    416: ("range_not_satisfiable", "The file has no such part."),
    431: ("bad_request", "The request's headers are too long."),
    500: ("internal_error", "Something went wrong here, not with your file."),
    501: ("bad_request", "Of transfer encodings only chunked is understood."),
}


def error_answer(status: int, code: str, sentence: str) -> Response:
    """The body of every error."""
    response = jsonify(Failure(status="error", code=code, error=sentence, request_id=g.request_id))
    response.status_code = status
    g.error_code = code
    return response


def register_error_handlers(app: Flask, upload_limit: int) -> None:
    """Answer every failure in the one shape; of those nobody foresaw, tell nothing but the request's id."""

    @app.errorhandler(errors.DetectorError)
    def foreseen(error: errors.DetectorError) -> Response:
        response = error_answer(STATUS[error.code], error.code, error.sentence)
        if error.retry_after:
            response.headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, errors.Unauthorized):
            response.headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, errors.StorageFailed):
            logger.error("storage failed", exc_info=error, extra={"request_id": g.request_id})
        return response

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        return error_answer(413, errors.FileTooLarge.code, too_large_sentence(upload_limit))

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> Response:
        status = error.code or 500
        code, sentence = HTTP_CODES.get(status, ("bad_request", "The request could not be understood."))
        response = error_answer(status, code, sentence)
        for name, value in error.get_headers():
            if name in ("Allow", "Location"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unforeseen(_: Exception) -> Response:
        logger.exception("unforeseen failure", extra={"request_id": g.request_id})
        return error_answer(500, *HTTP_CODES[500])
