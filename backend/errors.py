"""Everything that can go wrong for a user, each with a stable code and one sentence."""

from __future__ import annotations


class DetectorError(Exception):
    """A failure that its `code` names and `sentence` explains to a user; nothing of the inside is in either."""

    code = "internal_error"
    retry_after: int | None = None  # seconds after which the same may succeed

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BadRequest(DetectorError):
    """The request is not of the form that the route takes."""

    code = "bad_request"


class MissingFile(DetectorError):
    """There is no file in the request."""

    code = "missing_file"


class EmptyFilename(DetectorError):
    """A file field without a file."""

    code = "empty_filename"


class FileTooLarge(DetectorError):
    """More bytes than the upload limit."""

    code = "file_too_large"


class UnsupportedType(DetectorError):
    """Neither a video nor a picture of a kind that is taken."""

    code = "unsupported_type"


class UnreadableMedia(DetectorError):
    """The right kind of file, but it cannot be decoded."""

    code = "unreadable_media"


class NoVideoStream(DetectorError):
    """A container without moving pictures."""

    code = "no_video_stream"


class MediaTooComplex(DetectorError):
    """More pixels than the limits allow."""

    code = "media_too_complex"


class Unauthorized(DetectorError):
    """The service asks for an API key, and there is none that it knows."""

    code = "unauthorized"


class HostNotAllowed(DetectorError):
    """The request was meant for a host that is not ours, as after DNS rebinding."""

    code = "host_not_allowed"


class TooSlow(DetectorError):
    """The request did not come in time."""

    code = "too_slow"


class IdTaken(DetectorError):
    """A client chose an id for its analysis that is in use, or was used a short time ago."""

    code = "id_taken"


class KeyReused(DetectorError):
    """An Idempotency-Key that the same client has used for other files."""

    code = "key_reused"


class Interrupted(DetectorError):
    """The service ended too often while it was at this file of a job."""

    code = "interrupted"


class Cancelled(DetectorError):
    """The analysis was cancelled by a client."""

    code = "cancelled"


class TooManyRequests(DetectorError):
    """One client sends more than it may; it may again after `retry_after` seconds."""

    code = "too_many_requests"

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class StorageFailed(DetectorError):
    """A file cannot be written: the disk is full, or a folder is read-only."""

    code = "storage_failed"
    retry_after = 30

    def __init__(self) -> None:
        super().__init__("There is no room to work in at the moment; try again later.")


class Unanswered(StorageFailed):
    """Something was to be written, and whether it was cannot be known."""


class Busy(DetectorError):
    """More work is waiting than is admitted."""

    code = "busy"

    def __init__(self, sentence: str, retry_after: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class NotReady(DetectorError):
    """There is no model that could judge."""

    code = "not_ready"
    retry_after = 5
