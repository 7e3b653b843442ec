"""Frames to crops: the one cropper, used by the service and by training alike."""

from __future__ import annotations

import cv2
import numpy as np

from backend.domain import CROP_SIDE, Box, Crop, Face, Pixels


def crop_face(pixels: Pixels, face: Face, margin: float, side: int = CROP_SIDE) -> Crop:
    """Cut the square around a face's box.

    The square shares the box's centre; its side is `margin` times the longer side of the box. What lies beyond
    the picture is filled by mirroring at the edge.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        face: with its box in pixels of this picture.
        margin: side of the square as a multiple of the longer side of the box.
        side: height and width of the result in pixels.
    """
    square = square_around(face.box, margin)
    return Crop(cut(pixels, square, side), square, face)


def crop_whole(pixels: Pixels, side: int = CROP_SIDE) -> Crop:
    """Take the largest centred square of a picture in which no face was found."""
    height, width = pixels.shape[:2]
    length = min(height, width)
    square = Box((width - length) // 2, (height - length) // 2, length, length)
    return Crop(cut(pixels, square, side), square, None)


def shrink(pixels: Pixels, scale: float) -> Pixels:
    """A smaller copy, by area averaging, at least a pixel high and wide."""
    height, width = pixels.shape[:2]
    size = max(1, round(scale * width)), max(1, round(scale * height))
    if (3 * size[0], 3 * size[1]) == (width, height):  # 1080p for one: the same to the bit, in half the time
        means = cv2.blur(pixels, (3, 3), anchor=(0, 0))
        return np.asarray(cv2.resize(means, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def square_around(box: Box, margin: float) -> Box:
    """The square of whole pixels around a box, `margin` times its longer side."""
    length = max(1, round(box.longer_side * margin))
    centre_x, centre_y = box.centre
    return Box(round(centre_x - length / 2), round(centre_y - length / 2), length, length)


def cut(pixels: Pixels, square: Box, side: int) -> Pixels:
    """Cut a square of whole pixels, mirrored beyond the edges, and resize it to (side, side, 3)."""
    height, width = pixels.shape[:2]
    left, top, length = int(square.x), int(square.y), int(square.width)
    right, bottom = left + length, top + length
    inside = pixels[
        min(max(top, 0), height - 1) : max(min(bottom, height), 1),
        min(max(left, 0), width - 1) : max(min(right, width), 1),
    ]
    beyond = [max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width)]
    if any(beyond):
        inside = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REFLECT)[:length, :length]  # type: ignore[call-overload]
    interpolation = cv2.INTER_AREA if length >= side else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(inside, (side, side), interpolation=interpolation), dtype=np.uint8)
