"""Comparing: `python -m training.compare --data DIR [DIR ...] --checkpoints DIR`.

Averages of checkpoints (`training/mixes.json`), runtimes of the shipped model and views of a crop, all on the same
pictures held back, each looked at once by the service's own detector and cropper. Writes
`training/experiments.json` for the card.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from backend.config import ROOT
from backend.model.classifier import Classifier
from backend.model.conversion import converted_folder
from backend.model.holder import LoadedModel
from backend.model.keras_classifier import KerasClassifier
from backend.model.manifest import Manifest, manifest_path, read_manifest
from backend.model.openvino_classifier import OpenVinoClassifier
from backend.model.views import VIEWS, View, closer, itself, mirrored
from training.averaging import save_average
from training.calibrate import REAL_BOUNDS, lowest_threshold
from training.card import EXPERIMENTS_PATH, MIXES_PATH, MODEL_PATH
from training.dataset import capped, read_folders, split
from training.evaluate import by_kin
from training.judging import JudgedFile, examine_samples, judge_examined, served_classifier
from training.metrics import Judged, area, called_fake

PER_SOURCE = 150  # files of a source and label at most
PAIRED = ("dfdc", "ciplab", "talkinghead", "reenactment", "swap")  # sources with reals of their own
TRIED_VIEWS: dict[str, tuple[View, ...]] = {
    "the crop alone": (itself,),
    "with its mirror image": (itself, mirrored),
    "with its middle": (itself, closer),
    "with both, as served": VIEWS,
}
GENERATORS = ("stylegan1", "stylegan2", "diffusion", "other GANs")


def mix_figures(files: Sequence[JudgedFile]) -> dict[str, float]:
    """What one network reaches: areas, and what its own lowest threshold that keeps the bounds finds."""
    judged = by_kin(files)
    bounded = ~judged.fake & np.isin(judged.sources, list(REAL_BOUNDS))
    threshold = lowest_threshold(judged)

    def of(*sources: str) -> Judged:
        return judged.where(np.isin(judged.sources, sources))

    def against_bounded(*sources: str) -> float:
        return area(judged.where(bounded | (judged.fake & np.isin(judged.sources, sources))))

    def found(*sources: str) -> float:
        some = of(*sources)
        return called_fake(some.where(some.fake), threshold)

    dfdc = of("dfdc")
    figures = {source: area(of(source)) for source in PAIRED}
    figures |= {source: against_bounded(source) for source in (*GENERATORS, "text to video")}
    figures |= {"dfdc found": found("dfdc"), "generators found": found(*GENERATORS)}
    figures["dfdc reals called fake"] = called_fake(dfdc.where(~dfdc.fake), threshold)
    return {name: round(value, 4) for name, value in figures.items()}


def runtime_figures(
    reference: Sequence[JudgedFile], files: Sequence[JudgedFile], manifest: Manifest
) -> dict[str, float]:
    """How far a runtime's answers lie from the reference's."""
    threshold = manifest.calibration["face_picture"].threshold
    theirs, ours = by_kin(reference), by_kin(files)
    sources = [
        source for source in np.unique(theirs.sources) if not np.isnan(area(theirs.where(theirs.sources == source)))
    ]
    moved = [
        abs(area(ours.where(ours.sources == source)) - area(theirs.where(theirs.sources == source)))
        for source in sources
    ]
    differences = np.abs(ours.logits - theirs.logits)
    return {
        "AUC over all": round(area(ours), 4),
        "AUC over all, moved by": round(abs(area(ours) - area(theirs)), 4),
        "AUC of a source, moved by at most": round(max(moved), 4),
        "logit, moved by (median)": round(float(np.median(differences)), 4),
        "logit, moved by at most": round(float(differences.max()), 4),
        "calls that change": round(float(((ours.logits >= threshold) != (theirs.logits >= threshold)).mean()), 4),
    }


class Comparison:
    """The pictures that everything is compared on, and what has been seen of them."""

    def __init__(self, data: Sequence[Path]) -> None:
        _, held_back = split(read_folders(data))
        self._manifest = read_manifest(manifest_path(MODEL_PATH))
        self._samples = capped([sample for sample in held_back if not sample.is_clip], PER_SOURCE, seed=0)
        self._examined = examine_samples(self._samples, self._manifest)

    def __len__(self) -> int:
        return sum(any(crop.face for frame in frames for crop in frame.crops) for frames in self._examined)

    def mixes(self, checkpoints: Path) -> list[dict[str, Any]]:
        """Averages of checkpoints, by the crop alone."""
        rows = []
        for mix in tqdm(json.loads(MIXES_PATH.read_text(encoding="utf-8")), "mixes"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "mix.h5"
                save_average([checkpoints / name for name in mix["shares"]], list(mix["shares"].values()), path)
                figures = mix_figures(self._judge(KerasClassifier(path, fake_index=1), (itself,)))
            rows.append({"what": mix["what"], **figures, "kept": mix["kept"]})
        return rows

    def runtimes(self) -> list[dict[str, Any]]:
        """Runtimes of the shipped model, against Keras."""
        reference = self._judge(KerasClassifier(MODEL_PATH, fake_index=1))
        converted = converted_folder(MODEL_PATH, 1, ROOT / ".cache")
        rows = []
        for name, reduced in (("OpenVINO, float32", False), ("OpenVINO, reduced precision", True)):
            files = self._judge(OpenVinoClassifier(converted, 1, reduced_precision=reduced, streams=1))
            rows.append({"what": name, **runtime_figures(reference, files, self._manifest)})
        return rows

    def views(self) -> list[dict[str, Any]]:
        """What the shipped model sees in a crop alone, and with its other views."""
        model = served_classifier(MODEL_PATH)
        return [{"what": what, **mix_figures(self._judge(model, views))} for what, views in TRIED_VIEWS.items()]

    def _judge(self, classifier: Classifier, views: Sequence[View] = VIEWS) -> list[JudgedFile]:
        """Judged pictures in which a face was found."""
        files = judge_examined(self._samples, self._examined, LoadedModel(classifier, self._manifest), views)
        return [file for file in files if file.basis == "face_picture"]


def main() -> None:
    """Compare as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    ask.add_argument("--checkpoints", type=Path, required=True, help="folder of the .weights.h5 files of the mixes")
    wanted = ask.parse_args()
    cv2.setNumThreads(1)
    comparison = Comparison(wanted.data)
    experiments = {
        "files": len(comparison),
        "per_source": PER_SOURCE,
        "mixes": comparison.mixes(wanted.checkpoints),
        "runtimes": comparison.runtimes(),
        "views": comparison.views(),
    }
    EXPERIMENTS_PATH.write_text(json.dumps(experiments, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
