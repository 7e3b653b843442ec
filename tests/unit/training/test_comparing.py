from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.domain import Box, Crop, ExaminedFrame, Face, JudgedFace, JudgedFrame, Score
from training.aggregations import TRIED_AGGREGATIONS, confident_frames, tracks_of
from training.cuts import recut
from training.dataset import Sample

FACE = Face(Box(100, 100, 80, 100), ((120, 130), (160, 130), (140, 150), (125, 175), (155, 175)), 0.9)
CROP = Crop(np.zeros((224, 224, 3), np.uint8), Box(90, 100, 95, 95), FACE)


def judged(tracks: dict[int, float], follows: bool = False) -> JudgedFrame:
    faces = tuple(JudgedFace(CROP, Score(logit, None), track) for track, logit in tracks.items())
    return JudgedFrame(ExaminedFrame(0.0, follows, CROP.pixels, 224, 224, (CROP,)), faces)


def test_a_passer_by_and_companions_of_instants_are_left_out():
    frames = [judged({1: float(number)}) for number in range(10)]
    frames[3] = judged({1: 3.0, 2: 9.0})
    frames.append(judged({1: 100.0}, follows=True))
    (track,) = tracks_of(frames)
    np.testing.assert_array_equal(track, range(10))


def test_where_no_face_stays_long_all_of_them_speak():
    frames = [judged({number: 1.0}) for number in range(10)]
    assert len(tracks_of(frames)) == 10


def test_the_most_suspicious_frame_is_above_the_mean_and_the_median_ignores_it():
    logits = np.array([-2.0, -2.0, -2.0, 6.0])
    of = {what: of_track(logits) for what, (of_track, _) in TRIED_AGGREGATIONS.items()}
    assert of["a track's most suspicious frame"] == 6
    assert of["median of a track's frames"] == -2
    assert of["mean of a track's more suspicious half"] == 2


@pytest.mark.parametrize(("logits", "wanted"), [([4, 4, 0], 0.98), ([-4, -4, -4], 0.02), ([4, 0, -4], 0.5)])
def test_confident_frames_speak_where_they_are_many(logits, wanted):
    assert confident_frames(np.array(logits, float)) == pytest.approx(wanted, abs=0.01)


def test_a_face_is_cut_anew_at_another_margin_and_side(tmp_path: Path):
    picture = np.full((300, 300, 3), 255, np.uint8)
    picture[100:200, 100:180] = 0  # the face's box
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), picture)
    sample = Sample(path, fake=False, source="", method="", role="val", group="")
    frame = replace(judged({1: 0.0}).frame, crops=(CROP,))
    dark = {}
    for margin, side in ((1.0, 100), (2.0, 200)):
        ((cut,),) = recut([sample], [[frame]], margin, side)
        (crop,) = cut.crops
        assert crop.pixels.shape == (side, side, 3)
        dark[margin] = (crop.pixels == 0).mean()
    assert dark[1.0] == pytest.approx(0.8, abs=0.02) and dark[2.0] == pytest.approx(0.2, abs=0.02)
