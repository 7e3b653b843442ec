from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from backend.domain import Box, Calibration, Crop, ExaminedFrame, Face, JudgedFace, JudgedFrame, Score
from backend.render.drawing import FAKE_COLOUR, NO_FACE_COLOUR, REAL_COLOUR, draw, encode_jpeg, heat_opacity

CALIBRATION = Calibration(1.0, 0.0)


def frame_with(logit_map: np.ndarray, box: Box, smaller: int = 1) -> JudgedFrame:
    crop = Crop(np.zeros((224, 224, 3), np.uint8), box, Face(box, ((0.0, 0.0),) * 5, 0.9))
    face = JudgedFace(crop, Score(float(logit_map.mean()), logit_map.astype(np.float32)), 1)
    return JudgedFrame(
        ExaminedFrame(0.0, False, np.full((300, 400, 3), 128, np.uint8), 400 * smaller, 300 * smaller, (crop,)), (face,)
    )


def test_heat_lies_where_the_map_speaks_for_fake():
    logit_map = np.full((7, 7), -3.0)
    logit_map[1, 5] = 6.0
    picture = draw(frame_with(logit_map, Box(100, 60, 210, 210)), CALIBRATION)
    hot, cold = picture[60 + 45, 100 + 165], picture[60 + 165, 100 + 45]
    assert hot[0] > 150 and hot[1] < 110
    assert (cold == 128).all()


def test_boxes_are_drawn_in_the_colour_of_the_likelier_label():
    for logit, colour in ((3.0, FAKE_COLOUR), (-3.0, REAL_COLOUR)):
        picture = draw(frame_with(np.full((7, 7), logit), Box(100, 60, 200, 200)), CALIBRATION)
        assert np.abs(picture[200, 100].astype(int) - colour).max() < 60


def test_a_frame_without_a_face_gets_neither_a_number_nor_heat_nor_a_colour_of_verdicts():
    for logit in (9.0, -9.0):
        judged = frame_with(np.full((7, 7), logit), Box(100, 60, 200, 200))
        (face,) = judged.faces
        whole = replace(face.crop, face=None)
        frame = JudgedFrame(replace(judged.frame, crops=(whole,)), (replace(face, crop=whole),))
        picture = draw(frame, CALIBRATION)
        assert np.abs(picture[200, 100].astype(int) - NO_FACE_COLOUR).max() < 30
        assert (picture[150:250, 120:280] == 128).all()
        assert (np.ptp(picture.astype(int), axis=-1) == 0).all()  # grey all over


def test_boxes_follow_the_scale_of_the_copy_that_is_drawn_on():
    picture = draw(frame_with(np.full((7, 7), -3.0), Box(200, 120, 400, 400), smaller=2), CALIBRATION)
    assert (picture[200, 100] != 128).any() and (picture[250, 200] == 128).all()


def test_a_face_that_reaches_beyond_the_picture_can_be_drawn():
    for box in (Box(-80, -60, 200, 200), Box(350, 250, 200, 200), Box(-50, -50, 900, 900)):
        assert draw(frame_with(np.full((7, 7), 5.0), box), CALIBRATION).shape == (300, 400, 3)


def test_the_frame_itself_stays_as_it_was():
    frame = frame_with(np.full((7, 7), 5.0), Box(100, 60, 200, 200))
    draw(frame, CALIBRATION)
    assert (frame.frame.pixels == 128).all()


def test_without_evidence_there_is_no_heat():
    assert heat_opacity(np.full((7, 7), -1.0, np.float32), 0.0, 50).max() == 0


def test_jpegs_hold_the_picture_and_no_metadata():
    data = encode_jpeg(np.full((30, 40, 3), (200, 40, 90), np.uint8))
    decoded = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(decoded.astype(int) - (200, 40, 90)).max() < 8
    assert b"Exif" not in data
