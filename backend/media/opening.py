"""An upload to Media and Frames, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from backend.domain import Frame, Media
from backend.errors import UnreadableMedia, UnsupportedType
from backend.media.credentials import read_credentials
from backend.media.limits import MediaLimits
from backend.media.pictures import read_picture
from backend.media.signatures import ALLOWED_EXTENSIONS, PICTURES, SIGNATURE_LENGTH, recognise
from backend.media.video import open_video


@contextmanager
def open_media(path: Path, least_instants: int, limits: MediaLimits) -> Iterator[tuple[Media, Iterator[Frame]]]:
    """Open a video or a picture: what it is, and its frames in time order.

    Raises:
        UnsupportedType: the content is of no allowed kind.
        UnreadableMedia, NoVideoStream, MediaTooComplex: see `open_video` and `read_picture`.
    """
    with path.open("rb") as stream:
        head = stream.read(SIGNATURE_LENGTH)
    if not head:
        raise UnreadableMedia("The file is empty.")
    container = recognise(head)
    if container is None:
        raise UnsupportedType(
            f"The content is neither a video nor a picture of an accepted kind ({accepted_kinds()}), "
            "whatever the file is called."
        )
    if container in PICTURES:
        media, frame = read_picture(path, container, limits)
        yield replace(media, credentials=read_credentials(path, container)), iter([frame])
    else:
        with open_video(path, container, least_instants, limits) as (media, frames):
            yield replace(media, credentials=read_credentials(path, container)), frames


def check_extension(filename: str) -> None:
    """Raise UnsupportedType for a file name whose extension is not an allowed one."""
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    if extension not in ALLOWED_EXTENSIONS:
        raise UnsupportedType(f"Files of this type are not accepted; send one of {accepted_kinds()}.")


def accepted_kinds() -> str:
    """The allowed extensions in words."""
    return ", ".join(sorted(ALLOWED_EXTENSIONS))
