"""What the service and the command line put together alike, from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backend.config import Settings
from backend.examination import Examination
from backend.isolation import IsolatedExaminer, WorkerLimits
from backend.media.limits import MediaLimits
from backend.model.holder import ModelHolder
from backend.model.manifest import Manifest
from backend.model.runtimes import load_classifier


def new_model(settings: Settings) -> ModelHolder:
    """The model that the settings ask for, not yet loaded."""
    return ModelHolder(
        settings.model_path,
        lambda: load_classifier(
            settings.model_path,
            settings.fake_index,
            settings.cache_folder,
            settings.precision,
            settings.threads,
            settings.device,
        ),
    )


def start_examiner(settings: Settings, files: Sequence[Path]) -> IsolatedExaminer:
    """A worker process for each file that is judged at the same time, which can read these files and folders alone."""
    limits = WorkerLimits(settings.wall_seconds, settings.processor_seconds)
    return IsolatedExaminer(settings.analyses, settings.threads, limits, files)


def how_closely(settings: Settings, manifest: Manifest) -> Examination:
    """How files are examined: partly a setting, partly what the model was trained with."""
    return Examination(
        least_instants=settings.instants,
        faces_per_frame=settings.faces_per_frame,
        limits=MediaLimits(pixels=settings.picture_pixels, side=settings.picture_side),
        detector_threshold=manifest.detector_threshold,
        crop_margin=manifest.crop_margin,
    )
