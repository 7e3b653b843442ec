"""Judged frames out of nothing but times and logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.domain import Appearance, Box, Crop, ExaminedFrame, Face, JudgedFace, JudgedFrame, LogitMap, Media, Score

BLANK = np.zeros((120, 160, 3), np.uint8)
CROP = np.zeros((224, 224, 3), np.uint8)
FRONTAL = ((70.0, 80.0), (154.0, 80.0), (112.0, 120.0), (80.0, 165.0), (144.0, 165.0))  # in pixels of a crop
VIDEO = Media("video", "mp4", "h264", 160, 120, 0, 8.0, 25.0, bits_per_pixel=0.1, editor=None, generator=None)


def judged_face(
    logit: float,
    track: int = 1,
    side: float = 100,
    *,
    landmarks: Sequence[tuple[float, float]] = FRONTAL,
    logit_map: LogitMap | None = None,
    appearance: Appearance | None = None,
    view_logits: tuple[float, ...] | None = None,
) -> JudgedFace:
    """A face whose landmarks are told in pixels of its crop, (224, 224)."""
    box = Box(20, 10, side * 0.8, side)
    region = Box(20 - side * 0.1, 10, side, side)
    points = tuple((region.x + x * side / 224, region.y + y * side / 224) for x, y in landmarks)
    crop = Crop(CROP, region, Face(box, points, 0.9), appearance)
    told = np.full((7, 7), logit, np.float32) if logit_map is None else logit_map
    return JudgedFace(crop, Score(logit, told, view_logits), track)


def judged_frame(time: float, faces: Sequence[JudgedFace], follows: bool = False) -> JudgedFrame:
    return JudgedFrame(
        ExaminedFrame(time, follows, BLANK, BLANK.shape[1], BLANK.shape[0], tuple(face.crop for face in faces)),
        tuple(faces),
    )


def judged_video(logits: Sequence[float], track: int = 1) -> list[JudgedFrame]:
    """One face, one frame a second."""
    return [judged_frame(float(time), [judged_face(logit, track)]) for time, logit in enumerate(logits)]
