"""What a request asks for, and its upload: streamed to disk, never held in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from flask import Request, current_app
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from backend.config import MEBIBYTE
from backend.errors import BadRequest, EmptyFilename, FileTooLarge, MissingFile, StorageFailed
from backend.media.opening import check_extension
from backend.store.uploads import PrivateFolder, Upload, finish_upload

FIELD = "file"
FORM_PARTS = 16  # every file among them is one on disk
IDENTITY = re.compile(r"[0-9a-f]{32}")  # 128 bits: whoever knows it can ask about an analysis and delete it
KEY = re.compile(r"[\x21-\x7e]{1,255}")  # of an order: a UUID, say
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Wish:
    """The id that an analysis is to have, None if the client does not mind, and whether frames are to be stored."""

    identity: str | None
    store: bool


class UploadRequest(Request):
    """A request whose files are written to a folder of its own, and deleted with it, however it ends."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._folder: PrivateFolder | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self._folder is None:
            self._folder = PrivateFolder(current_app.config["UPLOAD_FOLDER"])
        return self._folder.open_file()

    def close(self) -> None:
        """Delete what was received."""
        super().close()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()


def read_wish(arguments: Mapping[str, str]) -> Wish:
    """What the query of a request asks for.

    Raises:
        BadRequest: it is none of what can be asked for.
    """
    identity = arguments.get("id")
    if identity is not None and not IDENTITY.fullmatch(identity):
        raise BadRequest("An id is 32 of the digits 0 to 9 and a to f.")
    return Wish(identity, read_store(arguments))


def read_store(arguments: Mapping[str, str]) -> bool:
    """Whether frames are to be stored, by the query of a request.

    Raises:
        BadRequest: it says neither.
    """
    store = arguments.get("store", "true")
    if store not in BOOLEANS:
        raise BadRequest("Whether to store frames is either true or false.")
    return BOOLEANS[store]


def read_key(key: str | None) -> str | None:
    """The client's word for this very order, by which sending it twice is the same as once.

    Raises:
        BadRequest: it is too long, or of characters that a header should not have.
    """
    if key is not None and not KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key is 1 to 255 visible characters of ASCII.")
    return key


def receive_upload(request: Request, limit: int) -> Upload:
    """Take the one file of a request.

    Raises:
        BadRequest: there is more than one.
        And what `receive_uploads` raises.
    """
    return _received(_files(request, 1), limit)[0]


def receive_uploads(request: Request, limit: int) -> tuple[Upload, ...]:
    """Take the files of a request.

    Raises:
        MissingFile, EmptyFilename, BadRequest: there is none, one without a name, or one in another field.
        UnsupportedType: a name has not an allowed extension.
        FileTooLarge: one has more than `limit` bytes.
        StorageFailed: they cannot be written.
    """
    return _received(_files(request, FORM_PARTS), limit)


def _files(request: Request, most: int) -> list[FileStorage]:
    try:
        files = request.files.getlist(FIELD)
    except RequestEntityTooLarge as error:
        if (request.content_length or 0) > (request.max_content_length or 0):
            raise
        raise BadRequest("The form holds more files than it should.") from error
    except OSError as error:
        raise StorageFailed from error
    if not files:
        raise MissingFile(f"Send one file in the multipart form field {FIELD!r}.")
    if len(files) > most:
        raise BadRequest("Send one file at a time.")
    if len(request.files) > 1:
        raise BadRequest(f"Send files in the multipart form field {FIELD!r} alone.")
    for file in files:
        if not file.filename:
            raise EmptyFilename("The file field is empty: choose a file.")
        check_extension(file.filename)
    return files


def _received(files: Sequence[FileStorage], limit: int) -> tuple[Upload, ...]:
    try:
        uploads = tuple(finish_upload(file.stream) for file in files)
    except OSError as error:
        raise StorageFailed from error
    if any(upload.size > limit for upload in uploads):
        raise FileTooLarge(too_large_sentence(limit))
    return uploads


def too_large_sentence(limit: int) -> str:
    """What a user reads whose file is over the limit."""
    return f"The file is larger than {limit / MEBIBYTE:g} MB, the most that is accepted."
