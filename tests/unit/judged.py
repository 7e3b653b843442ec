"""Judged frames out of nothing but times and logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.domain import Box, Crop, ExaminedFrame, Face, JudgedFace, JudgedFrame, Score

BLANK = np.zeros((120, 160, 3), np.uint8)
CROP = np.zeros((224, 224, 3), np.uint8)


def judged_face(logit: float, track: int = 1, side: float = 100) -> JudgedFace:
    box = Box(20, 10, side * 0.8, side)
    face = Face(box, ((0.0, 0.0),) * 5, 0.9)
    return JudgedFace(Crop(CROP, box, face), Score(logit, np.full((7, 7), logit, np.float32)), track)


def judged_frame(time: float, faces: Sequence[JudgedFace], follows: bool = False) -> JudgedFrame:
    return JudgedFrame(ExaminedFrame(time, follows, BLANK, 1.0, tuple(face.crop for face in faces)), tuple(faces))


def judged_video(logits: Sequence[float], track: int = 1) -> list[JudgedFrame]:
    """One face, one frame a second."""
    return [judged_frame(float(time), [judged_face(logit, track)]) for time, logit in enumerate(logits)]
