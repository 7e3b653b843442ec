"""One moment to the crops that are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain import Crop, ExaminedFrame, Face, Frame, Pixels
from backend.faces.cropping import crop_face, crop_whole, shrink
from backend.faces.detection import find_faces
from backend.faces.measuring import measure_appearance

MEASURED_EVERY = 4  # instants of a video
DRAWING_SIDE = 960  # pixels: frames are kept for drawing at no more than this, so that memory stays bounded


def examine(
    moment: Sequence[Frame],
    score_threshold: float,
    most_faces: int,
    margin: float,
    *,
    place: int | None = None,
) -> list[ExaminedFrame]:
    """Find the faces of a frame and cut them out of the full picture; without one, the whole frame is the crop.

    Args:
        moment: a frame, and others too soon after it for a face to have moved far: all are cut where faces were found
            first, so that what changes between the crops is the face and not the box.
        score_threshold: the detector's.
        most_faces: how many are cut out, the largest first.
        margin: side of a crop as a multiple of the longer side of the face's box.
        place: how many instants were before this moment; of every MEASURED_EVERY-th the appearance of faces is
            measured, of none where it is not told.

    Companions are never drawn, so of their picture no more than a corner is kept.
    """
    faces: list[Face] = []
    examined = []
    for frame in moment:
        if not (faces or frame.follows):
            faces = find_faces(frame.pixels, score_threshold, most_faces)
        crops = [crop_face(frame.pixels, face, margin) for face in faces]
        if place is not None and not frame.follows:
            if place % MEASURED_EVERY == 0:
                crops = [_measured(crop, face, frame.pixels) for crop, face in zip(crops, faces, strict=True)]
            place += 1
        height, width = frame.pixels.shape[:2]
        pixels = _for_drawing(frame.pixels[:1, :1] if frame.follows else frame.pixels)
        found = tuple(crops) or (crop_whole(frame.pixels),)
        examined.append(ExaminedFrame(frame.time, frame.follows, pixels, width, height, found))
    return examined


def _measured(crop: Crop, face: Face, pixels: Pixels) -> Crop:
    return replace(crop, appearance=measure_appearance(pixels, face, crop.pixels))


def _for_drawing(pixels: Pixels) -> Pixels:
    """A copy no larger than DRAWING_SIDE."""
    scale = min(1.0, DRAWING_SIDE / max(pixels.shape[:2]))
    return pixels if scale == 1.0 else shrink(pixels, scale)
