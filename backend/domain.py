"""The frozen dataclasses that the parts speak in.

Conventions everywhere inside: pixels are (height, width, 3) uint8 RGB; times are seconds as float, from
presentation time stamps; boxes are (x, y, width, height) in pixels of the upright source picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
LogitMap = NDArray[np.float32]

STRONG, MODERATE = 0.9, 0.7  # confidence from which the evidence is called so
CROP_SIDE = 224  # pixels: the network's input is (CROP_SIDE, CROP_SIDE, 3)
CLOSE = 0.1  # seconds in which a face does not move far: within them it is found once

MediaKind = Literal["video", "picture"]
Basis = Literal["face_video", "face_picture", "whole_frame"]
Prediction = Literal["Real", "Fake"]
Verdict = Literal["real", "fake", "inconclusive"]
Strength = Literal["strong", "moderate", "weak", "inconclusive"]
CredentialState = Literal["valid", "invalid", "elsewhere"]


class Box(NamedTuple):
    """A rectangle in source pixels; it may reach beyond the picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle as (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def longer_side(self) -> float:
        """The larger of width and height."""
        return max(self.width, self.height)


@dataclass(frozen=True)
class Credentials:
    """Content Credentials (C2PA) of a file: a signed statement of where it comes from.

    `valid`: signature and hashes fit the file; who signed is not checked. `invalid`: they do not, or are damaged.
    `elsewhere`: the file names an address that has them; nothing was fetched. `declares_ai`: they say that generative
    AI made or changed the picture, or something in it.
    """

    state: CredentialState
    declares_ai: bool


@dataclass(frozen=True)
class Media:
    """What the file says of itself, as far as it could be checked.

    `width` and `height` are of the upright picture, after `rotation` (degrees clockwise) was undone.
    `bits_per_pixel` is what the coded picture, or a video's pictures on average, take. `editor` and `generator` are
    programs that its metadata name, by our own names for them.
    """

    kind: MediaKind
    container: str
    codec: str
    width: int
    height: int
    rotation: int
    duration: float | None
    frames_per_second: float | None
    bits_per_pixel: float
    editor: str | None
    generator: str | None
    credentials: Credentials | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded, upright picture and its presentation time.

    `follows` marks the companion of the frame before it, at most 0.1 s later, wanted for flicker alone.
    """

    time: float
    pixels: Pixels
    follows: bool = False


@dataclass(frozen=True)
class Face:
    """A face found in a frame.

    `landmarks` are (x, y) of right eye, left eye, nose, right and left corner of the mouth (the person's right).
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detector_score: float


@dataclass(frozen=True)
class Appearance:
    """What was measured of a face's pixels, where its frame was decoded.

    `brightness` is the mean luma, 0 to 255; `sharpness` the strength of edges as a multiple of the contrast, whatever
    the face's size; `softness` how much finer than the face its surroundings are drawn (log2 of the ratio of fine
    detail), None where the picture shows too little of them.
    """

    brightness: float
    sharpness: float
    softness: float | None


@dataclass(frozen=True, eq=False)
class Crop:
    """The square picture that the network judges.

    `region` is what it shows of the source; `face` and `appearance` are None where the whole frame was taken.
    """

    pixels: Pixels
    region: Box
    face: Face | None
    appearance: Appearance | None = None


@dataclass(frozen=True, eq=False)
class ExaminedFrame:
    """A frame after faces were found: crops from the full picture, and a smaller copy of it for drawing.

    `width` and `height` are those of the full picture.
    """

    time: float
    follows: bool
    pixels: Pixels
    width: int
    height: int
    crops: tuple[Crop, ...]

    @property
    def scale(self) -> float:
        """Size of the copy relative to the full picture."""
        height, width, _ = self.pixels.shape
        return int(max(height, width)) / max(self.height, self.width)


@dataclass(frozen=True, eq=False)
class Score:
    """What the network says of one crop: the logit of being fake, and where it comes from.

    `logit_map` is (7, 7) float32 and its mean is the crop's own logit; None from a network that has no map.
    `view_logits` are those of the crop and its other views, and `logit` their mean; None where it was judged as it is.
    """

    logit: float
    logit_map: LogitMap | None
    view_logits: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Calibration:
    """A Platt scale (Platt, 1999), with its bias told as the logit at which Real and Fake are equally likely."""

    scale: float
    threshold: float

    def fake_probability(self, logit: float) -> float:
        """The calibrated probability of being fake."""
        exponent = min(max(self.scale * (logit - self.threshold), -700.0), 700.0)  # beyond, exp overflows
        return 1 / (1 + math.exp(-exponent))


@dataclass(frozen=True, eq=False)
class JudgedFace:
    """A crop with its score and the number of the track that it belongs to."""

    crop: Crop
    score: Score
    track: int


@dataclass(frozen=True, eq=False)
class JudgedFrame:
    """A frame whose faces are judged."""

    frame: ExaminedFrame
    faces: tuple[JudgedFace, ...]


@dataclass(frozen=True)
class PublishedFrame:
    """File names of a frame's two JPEGs: with boxes, scores and heat map drawn in, and without."""

    annotated: str
    plain: str


@dataclass(frozen=True)
class Track:
    """One face followed through the frames: its span, and its logit aggregated over them.

    `judged` is False for a face seen too seldom to speak for a video. `flicker` is the mean absolute change of
    the logit between frames at most 0.1 s apart, None where no such pair was seen.
    """

    number: int
    first_time: float
    last_time: float
    instants: int
    logit: float
    fake_probability: float
    judged: bool
    flicker: float | None


@dataclass(frozen=True)
class Anomaly:
    """A measurement that a reader should know of, with the bound that it passed.

    `false_alarm_rate` is the share of genuine validation files on which it was told too, `false_alarm_upper` the
    upper bound of its 95 % interval; None for plain facts, and where it was not measured with this model.
    """

    code: str
    value: float
    threshold: float
    sentence: str
    time_span: tuple[float, float] | None = None
    track: int | None = None
    false_alarm_rate: float | None = None
    false_alarm_upper: float | None = None


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that is known of an upload in the end."""

    media: Media
    sha256: str
    frames: tuple[JudgedFrame, ...]
    tracks: tuple[Track, ...]
    anomalies: tuple[Anomaly, ...]
    basis: Basis
    fake_probability: float
    verdict: Verdict

    @property
    def prediction(self) -> Prediction:
        """The likelier label."""
        return "Fake" if self.fake_probability >= 0.5 else "Real"

    @property
    def confidence(self) -> float:
        """The calibrated probability that `prediction` is right; never a certainty."""
        return min(max(self.fake_probability, 1 - self.fake_probability), 0.9999)

    @property
    def strength(self) -> Strength:
        """How strong the evidence for the verdict is, in a word."""
        if self.verdict == "inconclusive":
            return "inconclusive"
        if self.confidence >= STRONG:
            return "strong"
        return "moderate" if self.confidence >= MODERATE else "weak"
