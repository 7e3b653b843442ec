"""Settings: one typed object, read from DETECTOR_* variables and validated once, at start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

import limits
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "DETECTOR_"
MEBIBYTE = 1024 * 1024
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d+)?")  # as browsers write it: in lower case, no slash
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]")


class SettingsError(Exception):
    """A DETECTOR_* variable that cannot be used; the text names it and says why."""


def _cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _all_like(pattern: re.Pattern[str], parts: tuple[str, ...], what: str) -> tuple[str, ...]:
    for part in parts:
        if not pattern.fullmatch(part):
            raise ValueError(f"{part!r} is not {what}")
    return parts


class Settings(BaseSettings):
    """What can be set from outside: the variable of a field is its name in capitals after DETECTOR_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 lets other machines in.")
    port: int = Field(5000, ge=1, le=65535, description="Port to listen on.")
    page_port: int = Field(3000, ge=0, le=65535, description="Port of the page; 0: no page is served.")
    model_path: Path = Field(ROOT / "temp_model.h5", description="Keras model file; its manifest lies beside it.")
    fake_index: int = Field(
        1, ge=0, le=1, description="Which output of a foreign model's softmax of two means fake; unused by ours."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default_factory=lambda known: (f"http://localhost:{known.get('page_port') or 3000}",),
        description="Origins, separated by commas, whose pages may call the service; by default the page's.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="Host names, separated by commas, that requests may be addressed to, with any port.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="API keys, separated by commas, of which a caller must send one; none: no key is asked for."
    )
    rate_limit: str = Field(
        "", description="Files that one address may send, such as `30 per minute`; empty: as many as it likes."
    )
    upload_folder: Path = Field(ROOT / "backend" / "uploads", description="Where uploads lie while they are judged.")
    frame_folder: Path = Field(ROOT / "backend" / "static", description="Where frames lie until they are purged.")
    job_folder: Path = Field(ROOT / ".jobs", description="Where jobs and their answers lie until they are purged.")
    broker_url: str = Field(
        "",
        repr=False,
        description="Redis, `redis://host` say, through which workers get the jobs; empty: the service does them.",
    )
    storage_url: str = Field(
        "", description="Where uploads of jobs and frames lie instead, for several machines: `s3://bucket`, say."
    )
    video_queue: Literal["cpu", "gpu"] = Field(
        "cpu", description="Queue of jobs with a video, for workers; `gpu` is for those that judge on one."
    )
    upload_limit: int = Field(100 * MEBIBYTE, ge=1, description="Largest file accepted, in bytes.")
    upload_seconds: float = Field(900, gt=0, description="Seconds that sending a file may take, at 4 kB/s or faster.")
    retention: int = Field(3600, ge=1, description="Seconds after which uploads and frames are deleted.")
    purge_interval: int = Field(300, ge=1, description="Seconds between purges.")
    instants: int = Field(16, ge=1, le=64, description="Instants of a video that are examined; long ones get up to 64.")
    faces_per_frame: int = Field(8, ge=1, le=64, description="Faces judged in one frame, the largest first.")
    picture_pixels: int = Field(64_000_000, ge=1, description="Most pixels of a picture or a video's frame.")
    picture_side: int = Field(16_384, ge=1, description="Largest width or height of a picture or a video's frame.")
    threads: int = Field(
        default_factory=_cores, ge=1, description="Threads that find and judge faces; by default one a core."
    )
    precision: Literal["auto", "float32"] = Field(
        "auto",
        description="`auto` computes in bfloat16 where the processor has it, on GPUs in float16; `float32` in neither.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`gpu` judges on all GPUs that Keras sees, `auto` too if it sees any, `cpu` never."
    )
    cache_folder: Path = Field(ROOT / ".cache", description="Where the model's form for this processor is kept.")
    analyses: int = Field(
        default_factory=_cores,
        ge=1,
        description="Files judged at the same time; by default one per processor core.",
    )
    queue: int = Field(16, ge=0, description="Files that may wait for their turn; more are answered 503 busy.")
    job_queue: int = Field(64, ge=32, description="Files of jobs that may wait, of one client's half of them at most.")
    wall_seconds: float = Field(30, gt=0, description="Seconds that examining one file may take.")
    processor_seconds: int = Field(60, ge=1, description="Processor seconds that examining one file may take.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("allowed_origins", "allowed_hosts", "api_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return _all_like(ORIGIN, origins, "an origin such as http://localhost:3000")

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not hosts:
            raise ValueError("without a host name no request could be answered")
        lower = tuple(host.lower() for host in hosts)
        return _all_like(HOST, lower, "a host name such as detector.example or [::1], without a port")

    @field_validator("broker_url")
    @classmethod
    def _check_broker(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://")):
            raise ValueError("jobs are kept in Redis: redis://host:6379 or rediss://host:6379")
        return url

    @field_validator("rate_limit")
    @classmethod
    def _check_rate(cls, rate: str) -> str:
        if rate:
            limits.parse(rate)
        return rate


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a variable that cannot be used, or one that no setting knows.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"{unknown[0]} is not a setting; known are {', '.join(sorted(known))}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"{variable}={first['input']!r}: {first['msg']}") from error
