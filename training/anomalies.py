"""Measuring anomalies: `python -m training.anomalies --data DIR [DIR ...]`.

Judges files held back as the service does, takes every measurement that an anomaly may be made of, and keeps those
that tell fake from real or warn of verdicts that are wrong more often. Writes the bounds that the service reads
(`backend/verdict/anomalies.json`), what was tried (`training/anomalies.json`), and MODEL_CARD.md anew.
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

from backend.model.holder import LoadedModel
from backend.verdict.bounds import BOUNDS_PATH
from training.card import FIGURES_PATH, MODEL_PATH, TRIED_PATH, write_card
from training.dataset import Sample, capped, read_folders, split
from training.judging import load_as_served
from training.measured import MeasuredFile, measure_files
from training.regions import REGION_LEAD, Kinds, region_games, region_row
from training.spoiling import Step, spoil
from training.trials import (
    Candidate,
    Tried,
    try_evidence,
    try_hard,
    try_input,
    try_region,
    try_several_faces,
    try_warning,
)

PER_SOURCE = 150  # pictures of a source and label at most
SPOILED_PER_SOURCE = 60  # fakes that are made worse
BASES = ("face_video", "face_picture")

CANDIDATES = (
    Candidate("fake_span", "face_video", "evidence", threshold=3, otherwise=0),
    Candidate("evidence_region", "face_video", "region", threshold=REGION_LEAD),
    Candidate("evidence_region", "face_picture", "region", threshold=REGION_LEAD),
    Candidate("outline_region", "face_picture", "region", threshold=REGION_LEAD, served=False),
    Candidate("faces_disagree", "face_video", "several faces", threshold=0.6),
    Candidate("faces_disagree", "face_picture", "several faces", threshold=0.5),
    Candidate("soft_face", "face_video", "evidence"),
    Candidate("soft_face", "face_picture", "evidence"),
    Candidate("appearance_flicker", "face_video", "evidence", served=False),
    Candidate("score_flicker", "face_video", "warning", threshold=0.4),
    Candidate("unstable_score", "face_picture", "warning"),
    Candidate("unstable_rescaled", "face_picture", "warning", served=False),
    Candidate("unstable_recompressed", "face_picture", "warning", served=False),
    Candidate("turned_face", "face_video", "hard"),
    Candidate("turned_face", "face_picture", "hard"),
    Candidate("tilted_face", "face_video", "hard"),
    Candidate("tilted_face", "face_picture", "hard"),
    Candidate("small_face", "face_video", "input"),
    Candidate("small_face", "face_picture", "input"),
    Candidate("dark_face", "face_video", "input"),
    Candidate("dark_face", "face_picture", "input"),
    Candidate("blurred_face", "face_video", "input"),
    Candidate("blurred_face", "face_picture", "input"),
    Candidate("heavy_compression", "face_video", "input"),
    Candidate("heavy_compression", "face_picture", "input"),
    Candidate("few_sightings", "face_video", "input"),
)


def try_all(
    files: Sequence[MeasuredFile], steps: dict[str, dict[str, list[Step]]], named: dict[str, Kinds]
) -> list[Tried]:
    """Put every candidate to its proof; steps by basis and code, faces with a named region by code."""

    def put_to_proof(candidate: Candidate) -> Tried:
        of_basis = [file for file in files if file.basis == candidate.basis]
        match candidate.role:
            case "evidence":
                return try_evidence(candidate, of_basis)
            case "warning":
                return try_warning(candidate, of_basis)
            case "hard":
                return try_hard(candidate, of_basis)
            case "input":
                return try_input(candidate, of_basis, steps[candidate.basis][candidate.code])
            case "several faces":
                return try_several_faces(candidate, of_basis)
            case "region":
                return try_region(candidate, of_basis, named[candidate.code])

    return [put_to_proof(candidate) for candidate in CANDIDATES]


def bounds_of(tried: Sequence[Tried], sha256: str) -> dict[str, Any]:
    """What the service reads: thresholds and false alarms of what is kept."""
    return {
        "model_sha256": sha256,
        "bounds": {
            basis: {
                one.code: {
                    "threshold": one.threshold,
                    "below": one.below,
                    "false_alarm_rate": one.told_of_real.value,
                    "false_alarm_upper": one.told_of_real.high,
                }
                for one in tried
                if one.basis == basis and one.kept
            }
            for basis in BASES
        },
    }


def measure_anomalies(held_back: Sequence[Sample], model: LoadedModel) -> tuple[list[Tried], dict[str, Any]]:
    """Try everything on files held back: what became of each candidate, and all that the card tells of it."""
    stills, clips = ([one for one in held_back if one.is_clip == film] for film in (False, True))
    pictures = measure_files(capped(stills, PER_SOURCE, seed=0), model, "pictures")
    videos = measure_files(clips, model, "clips")
    fakes = [one.sample for one in pictures if one.sample.fake]
    chosen = {sample.path for sample in capped(fakes, SPOILED_PER_SOURCE, seed=0)}
    steps = {
        "face_picture": spoil([one for one in pictures if one.sample.path in chosen], "face_picture", model),
        "face_video": spoil([one for one in videos if one.sample.fake], "face_video", model),
    }
    regions, outlines = region_games(stills, model, REGION_LEAD)
    named = {"evidence_region": regions, "outline_region": outlines}
    tried = try_all([*pictures, *videos], steps, named)
    return tried, {
        "model_sha256": model.manifest.sha256,
        "measured": datetime.now(UTC).date().isoformat(),
        "files": {
            basis: [
                sum(one.basis == basis and one.sample.fake == fake for one in [*pictures, *videos])
                for fake in (False, True)
            ]
            for basis in BASES
        },
        "tried": [asdict(one) for one in tried],
        "steps": {
            basis: {code: [asdict(step) for step in taken] for code, taken in by_code.items()}
            for basis, by_code in steps.items()
        },
        "regions": [region_row(code, what, faces) for code, kinds in named.items() for what, faces in kinds.items()],
    }


def main() -> None:
    """Measure as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    wanted = ask.parse_args()
    cv2.setNumThreads(1)
    model = load_as_served(MODEL_PATH)
    _, held_back = split(read_folders(wanted.data))
    tried, told = measure_anomalies(held_back, model)
    BOUNDS_PATH.write_text(json.dumps(bounds_of(tried, model.manifest.sha256), indent=1) + "\n", encoding="utf-8")
    TRIED_PATH.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    write_card(json.loads(FIGURES_PATH.read_text(encoding="utf-8")), model.manifest)


if __name__ == "__main__":
    main()
