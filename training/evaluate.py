"""Measuring: `python -m training.evaluate --data DIR [DIR ...]`.

Judges every file held back with the exported model through the service's own detector, cropper, runtime and scoring;
prints the figures, and writes them as JSON beside the model and into MODEL_CARD.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from backend.model.holder import LoadedModel
from backend.model.manifest import Manifest, manifest_path
from training.calibrate import CALLED, Fitted, fit, held_out_calls
from training.card import FIGURES_PATH, MODEL_PATH, write_card
from training.dataset import Sample, read_folders, split
from training.edits import PARTS, parts_replaced
from training.judging import JudgedFile, as_judged, judge_samples, load_as_served, write_judged
from training.metrics import Judged, area, balanced_accuracy, called_fake, rate
from training.people import read_people, real_called_fake_by_trait
from training.plots import write_plots
from training.pointing import edits, play, pointing_game
from training.regions import evidence_row
from training.robustness import clips_reencoded, pictures_changed

KIN = {
    "all_age_faces": "web photos",
    "lfw": "web photos",
    "utkface": "web photos",
    "unsplash": "studio",
    "amfd": "studio",
    "sfhq": "diffusion",
    "sfhq_t2i": "diffusion",
    "sd3": "diffusion",
    "portrait_diffusion": "diffusion",
    "edit": "diffusion",
    "stylegan2_crawl": "other GANs",
    "generated_photos": "other GANs",
    "swap_clips": "swap",
    "dfdc_clips": "web and DFDC frames",
    "web_clips": "web and DFDC frames",
    "web": "web and DFDC frames",
    "t2v": "text to video",
    "text_to_video": "text to video",
    "text_to_video_clips": "text to video",
}
HAND_EDITS = "ciplab"
FFHQ = ("stylegan1", "stylegan2")  # whose reals are FFHQ


def by_kin(files: Sequence[JudgedFile]) -> Judged:
    """Pictures, with small sources pooled."""
    judged = as_judged(files, KIN)
    ffhq = np.isin(judged.sources, FFHQ) & ~judged.fake
    return Judged(judged.logits, judged.fake, np.where(ffhq, "FFHQ", judged.sources), judged.groups)


def of_clips(files: Sequence[JudgedFile]) -> Judged:
    """Clips, all reals of which are one source: there are too few to be told apart."""
    judged = as_judged(files, KIN)
    return Judged(judged.logits, judged.fake, np.where(judged.fake, judged.sources, "clips"), judged.groups)


def judge_held_back(held_back: Sequence[Sample], model: LoadedModel) -> tuple[list[JudgedFile], list[JudgedFile]]:
    """Judge files held back: pictures, and clips. Whole frames say nothing of faces and are left out."""
    files = [file for file in judge_samples(held_back, model) if file.basis != "whole_frame"]
    return [file for file in files if file.basis == "face_picture"], [f for f in files if f.basis == "face_video"]


def source_figures(files: Sequence[JudgedFile], threshold: float) -> list[dict[str, Any]]:
    """For each source, or kin of sources: AUC against its own reals, and what the threshold does, with intervals."""
    judged = as_judged(files, KIN)
    rows = []
    for source in np.unique(judged.sources):
        one = judged.where(judged.sources == source)
        rows.append(figures_of(str(source), one, threshold))
    return rows


def edit_figures(pictures: Sequence[JudgedFile], threshold: float) -> list[dict[str, Any]]:
    """For each number of parts that were replaced by hand: such fakes against the reals of their source."""
    files = [file for file in pictures if file.source == HAND_EDITS]
    rows = []
    for count in range(1, len(PARTS) + 1):
        some = [file for file in files if not file.fake or parts_replaced(file.name) == count]
        rows.append(figures_of(f"{count} of {len(PARTS)}", as_judged(some, KIN), threshold))
    return rows


def figures_of(name: str, judged: Judged, threshold: float) -> dict[str, Any]:
    """One row of the table; what cannot be said of it is None."""
    reals, fakes = judged.where(~judged.fake), judged.where(judged.fake)
    both = len(reals) > 0 and len(fakes) > 0
    return {
        "source": name,
        "real": len(reals),
        "fake": len(fakes),
        "auc": asdict(rate(judged, area)) if both else None,
        "balanced_accuracy": asdict(rate(judged, lambda some: balanced_accuracy(some, threshold))) if both else None,
        "real_called_fake": asdict(rate(reals, lambda some: called_fake(some, threshold))) if len(reals) else None,
        "fake_found": asdict(rate(fakes, lambda some: called_fake(some, threshold))) if len(fakes) else None,
    }


def collect_figures(
    pictures: Sequence[JudgedFile], clips: Sequence[JudgedFile], manifest: Manifest, fitted: dict[str, Fitted]
) -> dict[str, Any]:
    """Everything that the card says of a model."""
    thresholds = {basis: manifest.calibration[basis].threshold for basis in ("face_picture", "face_video")}
    by_source = by_kin(pictures)
    calls = held_out_calls(by_source)
    threshold = thresholds["face_picture"]
    called = {}
    for source in np.unique(by_source.sources[~by_source.fake]):
        chosen = (by_source.sources == source) & ~by_source.fake
        called[str(source)] = {
            "shipped": asdict(rate(by_source.where(chosen), lambda some: called_fake(some, threshold))),
            "held_out": asdict(rate(calls.where(chosen), lambda some: called_fake(some, CALLED))),
        }
    all_clips = of_clips(clips)
    return {
        "sha256": manifest.sha256,
        "version": manifest.version,
        "measured": datetime.now(UTC).date().isoformat(),
        "pictures": source_figures(pictures, thresholds["face_picture"]),
        "clips": [
            *source_figures(clips, thresholds["face_video"]),
            figures_of("all clips", all_clips, thresholds["face_video"]),
        ],
        "edits": edit_figures(pictures, thresholds["face_picture"]),
        "real_pictures_called_fake": called,
        "calibration_error": {
            basis: {"error": fitted[basis].error, "by_chance": fitted[basis].chance_error} for basis in fitted
        },
    }


def main() -> None:
    """Measure as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    ask.add_argument("--files", type=Path, help="write the logit of every file to this table")
    ask.add_argument("--names", type=Path, help="list that tells the names that pictures had: see training/people.py")
    wanted = ask.parse_args()
    cv2.setNumThreads(1)
    model = load_as_served(MODEL_PATH)
    manifest = model.manifest
    threshold = {basis: calibration.threshold for basis, calibration in manifest.calibration.items()}
    _, held_back = split(read_folders(wanted.data))
    pictures, clips = judge_held_back(held_back, model)
    if wanted.files:
        write_judged([*pictures, *clips], wanted.files)
    fitted = {"face_picture": fit(by_kin(pictures)), "face_video": fit(of_clips(clips))}
    stills, films = ([one for one in held_back if one.is_clip == film] for film in (False, True))
    by_hand = edits(stills)
    figures = {
        **collect_figures(pictures, clips, manifest, fitted),
        "clips_reencoded": clips_reencoded(films, model, threshold["face_video"]),
        "pictures_changed": pictures_changed(stills, model, threshold["face_picture"]),
        "pointing_game": [*pointing_game(stills, model), play("edited by hand, in part", by_hand, model)],
        "edited_regions": [evidence_row("edited by hand, in part", by_hand, model)],
        "people": real_called_fake_by_trait(
            pictures, read_people(wanted.names) if wanted.names else {}, threshold["face_picture"]
        ),
    }
    write_plots(by_kin(pictures), of_clips(clips), manifest.calibration, manifest.prior, figures)
    FIGURES_PATH.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(figures, manifest)
    print(f"figures of {manifest_path(MODEL_PATH).name} written to {FIGURES_PATH.name} and MODEL_CARD.md")


if __name__ == "__main__":
    main()
