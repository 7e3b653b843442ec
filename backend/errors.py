"""Everything that can go wrong for a user, each with a stable code and one sentence."""

from __future__ import annotations


class DetectorError(Exception):
    """A failure that its `code` names and `sentence` explains to a user; nothing of the inside is in either."""

    code = "internal_error"

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


class Busy(DetectorError):
    """More work is waiting than is admitted."""

    code = "busy"


class NotReady(DetectorError):
    """There is no model that could judge."""

    code = "not_ready"
