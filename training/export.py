"""Shipping: `python -m training.export [--weights A [B ...] [--shares ...]] --version V --data DIR [DIR ...]`.

Averages weights into temp_model.h5, or keeps the one that is there, and measures it for temp_model.json: calibration
and error rates by basis from the files held back, golden logits from the golden crops. One command, so that the two
files never part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from backend.domain import Calibration
from backend.faces.yunet import DETECTOR_PATH
from backend.model.classifier import LOGIT_TOLERANCE
from backend.model.golden import golden_crops
from backend.model.holder import LoadedModel
from backend.model.keras_classifier import KerasClassifier
from backend.model.manifest import DEFAULT_DETECTOR_THRESHOLD, Manifest, file_sha256, manifest_path, write_manifest
from training.averaging import save_average
from training.calibrate import fit
from training.card import MODEL_PATH
from training.config import CROP_MARGIN
from training.dataset import read_folders, split
from training.evaluate import by_kin, judge_held_back, of_clips
from training.judging import served_classifier

GOLDEN_TOLERANCE = 20 * LOGIT_TOLERANCE  # processors round differently


def export(version: str, data: list[Path]) -> Manifest:
    """Measure the model file and write its manifest; gives the manifest."""
    _, maps = KerasClassifier(MODEL_PATH, fake_index=1).predict(golden_crops())
    if maps is None:
        raise ValueError("the network has no logit map")
    bare = Manifest(
        version=version,
        sha256=file_sha256(MODEL_PATH),
        detector_sha256=file_sha256(DETECTOR_PATH),
        detector_threshold=DEFAULT_DETECTOR_THRESHOLD,
        crop_margin=CROP_MARGIN,
        prior={},
        calibration={"face_picture": Calibration(1.0, 0.0), "face_video": Calibration(1.0, 0.0)},
        inconclusive={},
        error_rates={},
        golden_logits=tuple(round(float(one.mean()), 5) for one in maps),
        golden_tolerance=GOLDEN_TOLERANCE,
    )
    _, held_back = split(read_folders(data))
    pictures, clips = judge_held_back(held_back, LoadedModel(served_classifier(MODEL_PATH), bare))
    fitted = {"face_picture": fit(by_kin(pictures)), "face_video": fit(of_clips(clips))}
    manifest = Manifest(
        **{
            **vars(bare),
            "prior": {basis: one.prior for basis, one in fitted.items()},
            "calibration": {basis: one.calibration for basis, one in fitted.items()},
            "inconclusive": {basis: one.inconclusive for basis, one in fitted.items()},
            "error_rates": {basis: one.rates for basis, one in fitted.items()},
        }
    )
    write_manifest(manifest, manifest_path(MODEL_PATH))
    return manifest


def main() -> None:
    """Export as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--weights", type=Path, nargs="+", help=".weights.h5 files; without them temp_model.h5 stays")
    ask.add_argument("--shares", type=float, nargs="+", help="of each in the average; equal ones where left out")
    ask.add_argument("--version", required=True)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    wanted = ask.parse_args()
    cv2.setNumThreads(1)
    if wanted.weights:
        save_average(wanted.weights, wanted.shares or [1.0] * len(wanted.weights), MODEL_PATH)
    print(export(wanted.version, wanted.data))


if __name__ == "__main__":
    main()
