"""What the service and the command line put together alike, from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.config import PREFIX, Settings
from backend.examination import Examination
from backend.isolation import IsolatedExaminer, WorkerLimits
from backend.media.limits import MediaLimits
from backend.model.holder import ModelHolder
from backend.model.manifest import Manifest
from backend.model.runtimes import load_classifier
from backend.store.frames import FrameFolder, Frames
from backend.store.purge import Purger
from backend.store.uploads import UploadFolder, Uploads

ABANDONED_SECONDS = 10  # after which nobody can need a file that only a process of this machine knew of


@dataclass(frozen=True)
class Storage:
    """Where uploads and frames lie; how that is purged on each machine, and what several share by one of them."""

    uploads: Uploads
    frames: Frames
    purge: Callable[[], object]
    purge_shared: Callable[[], object]


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings ask for; what is no more than received or copied lies in the folder of uploads.

    Raises:
        ModuleNotFoundError: what it needs is not installed.
    """
    if not settings.storage_url:
        purger = Purger((settings.upload_folder, settings.frame_folder), settings.retention)
        return Storage(UploadFolder(), FrameFolder(settings.frame_folder), purger.run, lambda: None)
    from backend.store.shared import SharedStore

    store = SharedStore(settings.storage_url, settings.upload_folder)
    store.expire(settings.retention)
    purger = Purger((settings.upload_folder,), min(ABANDONED_SECONDS, settings.retention))
    return Storage(store.uploads, store.frames, purger.run, lambda: store.purge(settings.retention))


def hide_secrets(settings: Settings) -> None:
    """Take secrets out of the environment: what workers do not inherit, no file can make them tell."""
    for name in ("API_KEYS", "BROKER_URL"):
        os.environ.pop(PREFIX + name, None)
    if settings.storage_url:
        from backend.store.shared import hide_credentials

        hide_credentials()


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
