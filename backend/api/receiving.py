"""What a request asks for, and its upload: streamed to disk, never held in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
FORM_PARTS = 16  # of which one is used; every file among them would be one on disk
IDENTITY = re.compile(r"[0-9a-f]{32}")  # 128 bits: whoever knows it can ask about an analysis and delete it
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
    identity, store = arguments.get("id"), arguments.get("store", "true")
    if identity is not None and not IDENTITY.fullmatch(identity):
        raise BadRequest("An id is 32 of the digits 0 to 9 and a to f.")
    if store not in BOOLEANS:
        raise BadRequest("Whether to store frames is either true or false.")
    return Wish(identity, BOOLEANS[store])


def receive_upload(request: Request, limit: int) -> Upload:
    """Take the one file of a request.

    Raises:
        MissingFile, EmptyFilename, BadRequest: there is none, one without a name, or more than one.
        UnsupportedType: its name has not an allowed extension.
        FileTooLarge: it has more than `limit` bytes.
        StorageFailed: it cannot be written.
    """
    try:
        file = _only_file(request)
        upload = finish_upload(file.stream)
    except OSError as error:
        raise StorageFailed from error
    if upload.size > limit:
        raise FileTooLarge(too_large_sentence(limit))
    return upload


def _only_file(request: Request) -> FileStorage:
    try:
        files = request.files.getlist(FIELD)
    except RequestEntityTooLarge as error:
        if (request.content_length or 0) > (request.max_content_length or 0):
            raise
        raise BadRequest("The form holds more than one file should.") from error
    if not files:
        raise MissingFile(f"Send one file in the multipart form field {FIELD!r}.")
    if len(files) > 1 or len(request.files) > 1:
        raise BadRequest("Send one file at a time.")
    if not files[0].filename:
        raise EmptyFilename("The file field is empty: choose a file.")
    check_extension(files[0].filename)
    return files[0]


def too_large_sentence(limit: int) -> str:
    """What a user reads whose file is over the limit."""
    return f"The file is larger than {limit / MEBIBYTE:g} MB, the most that is accepted."
