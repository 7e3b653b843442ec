"""A judged frame to the picture that shows where the evidence lies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain import Box, Calibration, JudgedFace, JudgedFrame, LogitMap, Pixels

JPEG_QUALITY = 85
HEAT_LOGIT = 4.0  # logit away from the threshold at which the colour is full
HEAT_OPACITY = 0.45  # of the full colour
FAKE_COLOUR = (214, 48, 49)  # RGB
REAL_COLOUR = (9, 132, 127)
NO_FACE_COLOUR = (90, 90, 90)
TEXT_HEIGHT = 0.035  # of the frame's shorter side
SMALLEST_TEXT = 12  # pixels


def draw(frame: JudgedFrame, calibration: Calibration) -> Pixels:
    """Draw box, track, calibrated fake probability and heat map of each face; (height, width, 3) uint8 RGB.

    Of a frame that was judged whole no more is drawn than that it shows no face: what the network says of it proves
    nothing, and a number on the picture would be read as if it did.
    """
    canvas = frame.frame.pixels.copy()
    for face in frame.faces:
        if face.crop.face and face.score.logit_map is not None:
            _lay_heat(canvas, face, face.score.logit_map, frame.frame.scale, calibration.threshold)
    for face in frame.faces:
        if face.crop.face:
            probability = calibration.fake_probability(face.score.logit)
            colour = FAKE_COLOUR if probability >= 0.5 else REAL_COLOUR
            text = f"#{face.track} {100 * probability:.0f}% fake"
            _draw_box(canvas, face.crop.face.box, frame.frame.scale, colour, text)
        else:
            _draw_box(canvas, face.crop.region, frame.frame.scale, NO_FACE_COLOUR, "no face found")
    return canvas


def encode_jpeg(pixels: Pixels) -> bytes:
    """(height, width, 3) uint8 RGB to JPEG, without any metadata."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise RuntimeError("a frame could not be encoded as JPEG")
    return data.tobytes()


def heat_opacity(logit_map: LogitMap, threshold: float, side: int) -> NDArray[np.float32]:
    """How strongly each pixel of a crop speaks for fake: (side, side) float32, 0 to HEAT_OPACITY."""
    evidence = np.clip((logit_map - np.float32(threshold)) / np.float32(HEAT_LOGIT), 0, 1) * np.float32(HEAT_OPACITY)
    spread = cv2.resize(evidence, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(spread, np.float32)


def _lay_heat(canvas: Pixels, face: JudgedFace, logit_map: LogitMap, scale: float, threshold: float) -> None:
    """Blend the colour of fakes into the part of the canvas that the crop shows."""
    left, top = round(face.crop.region.x * scale), round(face.crop.region.y * scale)
    side = max(1, round(face.crop.region.width * scale))
    height, width = canvas.shape[:2]
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    opacity = heat_opacity(logit_map, threshold, side)[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    if opacity.any():
        colour = np.empty((*opacity.shape, 3), np.uint8)
        colour[:] = FAKE_COLOUR
        canvas[rows, columns] = cv2.blendLinear(colour, canvas[rows, columns], opacity, 1 - opacity)


def _draw_box(canvas: Pixels, box: Box, scale: float, colour: tuple[int, int, int], text: str) -> None:
    shorter = min(canvas.shape[:2])
    thickness = max(1, round(shorter / 240))
    start = round(box.x * scale), round(box.y * scale)
    end = round((box.x + box.width) * scale), round((box.y + box.height) * scale)
    cv2.rectangle(canvas, start, end, colour, thickness, cv2.LINE_AA)
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, thickness // 2)
    size = cv2.getFontScaleFromHeight(font, round(max(SMALLEST_TEXT, TEXT_HEIGHT * shorter)), weight)
    (text_width, text_height), baseline = cv2.getTextSize(text, font, size, weight)
    left = min(max(start[0], 0), max(0, canvas.shape[1] - text_width - 2))
    bottom = min(max(start[1], text_height + baseline + 2), canvas.shape[0])
    corner = left, bottom - text_height - baseline - 2
    cv2.rectangle(canvas, corner, (left + text_width + 2, bottom), colour, cv2.FILLED)
    cv2.putText(canvas, text, (left + 1, bottom - baseline), font, size, (255, 255, 255), weight, cv2.LINE_AA)
