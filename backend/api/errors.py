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
    errors.KeyReused.code: 422,
    errors.TooManyRequests.code: 429,
    errors.Interrupted.code: 500,
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


def failure_of(error: Exception, request_id: str) -> tuple[int, Failure]:
    """The status and the body that tell of a failure; of one that nobody foresaw, nothing but the request's id."""
    if isinstance(error, errors.StorageFailed):
        logger.error("storage failed", exc_info=error, extra={"request_id": request_id})
    if isinstance(error, errors.DetectorError):
        return STATUS[error.code], _failure(error.code, error.sentence, request_id)
    logger.error("unforeseen failure", exc_info=error, extra={"request_id": request_id})
    return 500, _failure(*HTTP_CODES[500], request_id)


def register_error_handlers(app: Flask, upload_limit: int) -> None:
    """Answer every failure in the one shape."""

    @app.errorhandler(errors.DetectorError)
    def foreseen(error: errors.DetectorError) -> Response:
        response = _answer(*failure_of(error, g.request_id))
        if error.retry_after:
            response.headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, errors.Unauthorized):
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        return _answer(413, _failure(errors.FileTooLarge.code, too_large_sentence(upload_limit), g.request_id))

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> Response:
        status = error.code or 500
        code, sentence = HTTP_CODES.get(status, ("bad_request", "The request could not be understood."))
        response = _answer(status, _failure(code, sentence, g.request_id))
        for name, value in error.get_headers():
            if name in ("Allow", "Location"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        return _answer(*failure_of(error, g.request_id))


def _failure(code: str, sentence: str, request_id: str) -> Failure:
    return Failure(status="error", code=code, error=sentence, request_id=request_id)


def _answer(status: int, failure: Failure) -> Response:
    response = jsonify(failure)
    response.status_code = status
    g.error_code = failure["code"]
    return response
