"""JPEG and PNG files to one upright Frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from backend.domain import Frame, Media, Pixels
from backend.errors import UnreadableMedia
from backend.media.limits import MediaLimits
from backend.media.metadata import Named, name_programs, picture_texts
from backend.media.signatures import Container

ORIENTATION_TAG = 0x0112  # EXIF 2.32, section 4.6.4
ROTATIONS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}  # degrees clockwise, after mirroring
MIRRORED = frozenset({2, 4, 5, 7})
GREY = 128  # shown where a picture is transparent
ROWS = 256  # blended at a time

Image.MAX_IMAGE_PIXELS = None  # MediaLimits, which a setting can move, are checked instead


def read_picture(path: Path, container: Container, limits: MediaLimits) -> tuple[Media, Frame]:
    """Decode a picture, upright, transparent parts over grey.

    Raises:
        MediaTooComplex: its header tells of more pixels than the limits; nothing was decoded.
        UnreadableMedia: it cannot be decoded.
    """
    orientation, named = _read_header(path, container, limits)
    decoded = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise UnreadableMedia("The picture is damaged: it cannot be decoded.")
    pixels = turn_upright(_to_rgb(decoded), orientation)
    media = Media(
        kind="picture",
        container=container,
        codec=container,
        width=pixels.shape[1],
        height=pixels.shape[0],
        rotation=ROTATIONS[orientation],
        duration=None,
        frames_per_second=None,
        bits_per_pixel=8 * path.stat().st_size / (pixels.shape[0] * pixels.shape[1]),
        editor=named.editor,
        generator=named.generator,
    )
    return media, Frame(0.0, pixels)


def _read_header(path: Path, container: Container, limits: MediaLimits) -> tuple[int, Named]:
    """Hold the size to the limits, without decoding; the EXIF orientation, and what the metadata name."""
    try:
        with Image.open(path, formats=[container.upper()]) as image:
            limits.check(image.width, image.height)
            orientation: int = image.getexif().get(ORIENTATION_TAG, 1)
            return orientation if orientation in ROTATIONS else 1, name_programs(picture_texts(image))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UnreadableMedia("The picture is damaged: its header cannot be read.") from error


def _to_rgb(decoded: np.ndarray) -> Pixels:
    """OpenCV's result, of any depth and number of channels, to (height, width, 3) uint8 RGB."""
    if decoded.dtype == np.uint16:
        decoded = np.right_shift(decoded, 8, out=decoded).astype(np.uint8)
    if decoded.ndim == 2:
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB), np.uint8)
    if decoded.shape[2] == 4:
        decoded = _over_grey(decoded)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _over_grey(pixels: np.ndarray) -> np.ndarray:
    """(height, width, 4) uint8, the last channel opacity, to (height, width, 3); rows by rows, to save memory."""
    shown = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), ROWS):
        rows = pixels[top : top + ROWS]
        opacity = rows[:, :, 3:].astype(np.uint16)
        shown[top : top + ROWS] = (rows[:, :, :3] * opacity + GREY * (255 - opacity) + 127) // 255
    return shown


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation of 1 to 8."""
    if orientation in MIRRORED:
        pixels = pixels[:, ::-1]
    return rotate(pixels, ROTATIONS[orientation])


def rotate(pixels: Pixels, degrees: int) -> Pixels:
    """Turn clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -degrees // 90))
