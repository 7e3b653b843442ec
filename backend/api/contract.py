"""What answers look like: the types that are filled here and there, and from which /openapi.json is generated."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from backend.domain import Basis, Media, Prediction, Strength, Verdict
from backend.jobs.job import JobState
from backend.model.manifest import ErrorRates, Rate
from backend.progress import State

closed = with_config(extra="forbid")  # a field that is not described here is a mistake

Probability: TypeAlias = Annotated[float, Field(ge=0.0001, le=0.9999)]  # nothing is told as certain
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, Field(ge=0)]
Rectangle: TypeAlias = Annotated[list[float], Field(min_length=4, max_length=4)]  # x, y, width, height

Time: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Expiry: TypeAlias = Annotated[
    Time | None,
    Field(description="When frames are purged; null where there are none."),
]


@closed
class Health(TypedDict):
    """A probe's answer."""

    status: Literal["ok"]


@closed
class Failure(TypedDict):
    """Every error."""

    status: Literal["error"]
    code: Annotated[str, Field(description="Stable; what a program goes by.")]
    error: Annotated[str, Field(description="A sentence for a person; it may change.")]
    request_id: Annotated[str, Field(description="Also in the service's log.")]


@closed
class ModelFacts(TypedDict):
    """The model, and how often it was wrong on validation files."""

    version: str
    sha256: str
    calibrated: Annotated[bool, Field(description="Whether probabilities mean what they say.")]
    prior: Annotated[dict[str, float], Field(description="The share of fakes that the calibration assumes, by basis.")]
    error_rates: Annotated[dict[str, ErrorRates], Field(description="By basis, with 95 % intervals.")]


@closed
class FakeRight(TypedDict):
    """How often `Fake` is right where so many of the files are fake."""

    share_of_fakes: float
    right: Probability


@closed
class Meaning(TypedDict):
    """What an answer on such a basis means, by the error rates that were measured."""

    real_called_fake: Rate
    fake_called_real: Rate
    fake_right_of_fakes: list[FakeRight]


@closed
class JudgeFacts(ModelFacts):
    """The model that judged a file, as far as it concerns files on such a basis."""

    threshold: Annotated[
        float, Field(description="The logit at which Real and Fake are equally likely; heat maps show what lies above.")
    ]
    inconclusive: Annotated[
        list[float],
        Field(min_length=2, max_length=2, description="Fake probabilities strictly between which no verdict is given."),
    ]
    meaning: Annotated[
        Meaning | None, Field(description="null where nothing was measured: whole frames, other people's models.")
    ]


@closed
class Limits(TypedDict):
    """What is accepted."""

    upload_bytes: int
    extensions: list[str]
    picture_pixels: int
    picture_side: int
    retention_seconds: int


@closed
class Service(TypedDict):
    """What the service is."""

    status: Literal["ok"]
    service: str
    version: str
    model: Annotated[ModelFacts | None, Field(description="null until one is loaded.")]
    limits: Limits


@closed
class Coverage(TypedDict):
    """What was looked at."""

    instants_examined: int
    frames_examined: Annotated[int, Field(description="With the companions of instants that are there for flicker.")]
    faces_judged: int
    not_examined: list[str]


@closed
class TrackFacts(TypedDict):
    """A face followed through the file."""

    number: int
    first_time: Seconds
    last_time: Seconds
    instants: int
    fake_probability: Probability
    logit: float
    judged: Annotated[bool, Field(description="Whether it was seen often enough to speak for the file.")]
    flicker: Annotated[float | None, Field(description="Mean change of the logit to a frame at most 0.1 s later.")]


@closed
class FaceFacts(TypedDict):
    """A face in a frame; lengths in source pixels."""

    track: int
    box: Annotated[Rectangle | None, Field(description="x, y, width, height; null where the whole frame was judged.")]
    region: Annotated[Rectangle, Field(description="What the network saw: x, y, width, height.")]
    fake_probability: Probability
    logit: Annotated[float, Field(description="Of a picture's face the mean over its views.")]
    view_logits: Annotated[
        list[float] | None, Field(description="As it is, mirrored, and from closer; null where only as it is.")
    ]
    logit_map: Annotated[list[list[float]] | None, Field(description="7 x 7; its mean is the logit as it is.")]


@closed
class FrameFacts(TypedDict):
    """An examined instant; the same order as `frames`."""

    time: Seconds
    width: Annotated[int, Field(description="Source pixels, upright; within a video it may change.")]
    height: int
    annotated_url: Annotated[str | None, Field(description="null where nothing was to be stored.")]
    plain_url: Annotated[str | None, Field(description="null where nothing was to be stored.")]
    faces: list[FaceFacts]


@closed
class AnomalyFacts(TypedDict):
    """A measurement that passed its bound, or a fact; the same order as `anomalies`."""

    code: Annotated[str, Field(description="Stable; the model card and the README list them.")]
    value: float
    threshold: float
    time_span: Annotated[list[float] | None, Field(description="From and to, in seconds.")]
    track: int | None
    false_alarm_rate: Annotated[
        Share | None,
        Field(description="The share of genuine validation files of which it is told too; null for plain facts."),
    ]
    false_alarm_upper: Annotated[Share | None, Field(description="The upper bound of its 95 % interval.")]


@closed
class SettingsFacts(TypedDict):
    """The settings that changed the answer."""

    instants: int
    faces_per_frame: int
    crop_margin: float
    detector_threshold: float
    precision: str


@closed
class Details(TypedDict):
    """Everything that is known of an upload."""

    id: Annotated[str, Field(description="Of the analysis: the client's, or else the request's.")]
    sha256: Annotated[str, Field(description="Of the upload.")]
    verdict: Verdict
    strength: Annotated[Strength, Field(description="Of the evidence for the verdict.")]
    headline: Annotated[str, Field(description="The verdict in words.")]
    reason: Annotated[str, Field(description="What it rests on, in a sentence.")]
    basis: Basis
    fake_probability: Probability
    media: Media
    coverage: Coverage
    tracks: list[TrackFacts]
    frames: list[FrameFacts]
    anomalies: list[AnomalyFacts]
    model: JudgeFacts
    settings: SettingsFacts
    timing_ms: Annotated[dict[str, float], Field(description="Milliseconds by stage, added up over threads.")]
    expires_at: Expiry


@closed
class Success(TypedDict):
    """A judged file."""

    status: Literal["success"]
    prediction: Prediction
    confidence: Annotated[float, Field(ge=0.5, le=0.9999, description="The probability that `prediction` is right.")]
    frames: Annotated[list[str], Field(description="Names of annotated frames, to be had at /static/<name>.")]
    anomalies: list[str]
    details: Details


@closed
class Analysis(TypedDict):
    """How far an analysis is."""

    id: str
    state: State
    instants_examined: int
    instants_expected: Annotated[int | None, Field(description="An estimate; null until the file was looked into.")]
    expires_at: Expiry


@closed
class Deleted(TypedDict):
    """An analysis is cancelled, or its frames are deleted."""

    status: Literal["ok"]
    id: str
    files_deleted: int


@closed
class Result(TypedDict):
    """What `/predict` would have answered to a file of a job."""

    status: Annotated[int, Field(description="Of the answer, as in HTTP.")]
    body: Success | Failure


@closed
class JobFacts(TypedDict):
    """A job: files that are judged when there is time."""

    id: str
    state: Annotated[JobState, Field(description="`done` if any of its files could be judged, `failed` if none could.")]
    stage: Annotated[State, Field(description="That of the first of its files which is being judged.")]
    progress: Annotated[float, Field(ge=0, le=1, description="Every file counts alike.")]
    position: Annotated[
        int | None, Field(ge=0, description="Files that are taken before its next one; null where none waits.")
    ]
    created_at: Time
    expires_at: Annotated[Time, Field(description="When it is forgotten; put off by its end.")]
    results: Annotated[list[Result | None], Field(description="In the order of the files; null until one has ended.")]
