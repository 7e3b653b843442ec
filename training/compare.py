"""Comparing: `python -m training.compare --data DIR [DIR ...] --checkpoints DIR`.

Averages of checkpoints (`training/mixes.json`), runtimes of the shipped model, views of a crop and other cuts of a
face, all on the same pictures held back, each looked at once by the service's own detector and cropper; runs that were
denied whole sources, on more pictures of those; and ways from frames to clips. Writes `training/experiments.json` for
the card. An average whose checkpoints are not at hand keeps what was measured of it, as long as the pictures are the
same.
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
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from backend.config import ROOT
from backend.domain import CROP_SIDE, ExaminedFrame
from backend.model.classifier import LOGIT_TOLERANCE, Classifier
from backend.model.conversion import converted_folder
from backend.model.holder import LoadedModel
from backend.model.keras_classifier import KerasClassifier
from backend.model.manifest import Manifest, manifest_path, read_manifest
from backend.model.openvino_classifier import OpenVinoClassifier
from backend.model.views import VIEWS, View, closer, itself, mirrored
from training.aggregations import TRIED_AGGREGATIONS, tracks_of
from training.averaging import save_average
from training.calibrate import REAL_BOUNDS, lowest_threshold
from training.card import EXPERIMENTS_PATH, MIXES_PATH, MODEL_PATH, RUNS_PATH
from training.cuts import TRIED_CUTS, ResizedNetwork, recut
from training.dataset import Sample, capped, read_folders, split
from training.evaluate import by_kin
from training.judging import JudgedFile, examine_samples, judge_examined, score_examined, served_classifier
from training.metrics import Judged, area, called_fake
from training.pointing import pointing_game
from training.robustness import clips_reencoded

MIX_MARGIN = 0.95  # of the crop, for averages of whatever time: what was served when the first were measured
PER_SOURCE = 150  # files of a source and label at most
PAIRED = ("dfdc", "ciplab", "talkinghead", "reenactment", "swap")  # sources with reals of their own
TRIED_VIEWS: dict[str, tuple[View, ...]] = {
    "the crop alone": (itself,),
    "with its mirror image": (itself, mirrored),
    "with its middle": (itself, closer),
    "with both, as served": VIEWS,
}
STRONGLY_COMPRESSED = {"CRF 40": (40, 1.0)}
GENERATORS = ("stylegan1", "stylegan2", "diffusion", "other GANs")
UNSEEN = "unseen"  # the table of runs that were denied sources

LookedAt = tuple[Sequence[Sample], Sequence[list[ExaminedFrame]]]  # pictures, and what was seen in each


def denied_sources() -> set[str]:
    """Sources that some runs were denied, so that they are told by networks that never learned from their like."""
    runs = json.loads(RUNS_PATH.read_text(encoding="utf-8"))
    return {source for run in runs for source in run.get("sources left out", ())}


def with_faces(examined: Sequence[list[ExaminedFrame]]) -> int:
    """In how many files a face was seen."""
    return sum(any(crop.face for frame in frames for crop in frame.crops) for frames in examined)


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
        training, self._held_back = split(read_folders(data))
        self._manifest = read_manifest(manifest_path(MODEL_PATH))
        self._clips = [sample for sample in self._held_back if sample.is_clip]
        self._samples = capped([sample for sample in self._held_back if not sample.is_clip], PER_SOURCE, seed=0)
        self._examined = examine_samples(self._samples, self._manifest)
        denied = denied_sources()
        more = [sample for sample in training if sample.source in denied and not sample.is_clip]
        self._denied = capped(more, PER_SOURCE, seed=0)
        self._denied_examined = examine_samples(self._denied, self._manifest)

    def __len__(self) -> int:
        return with_faces(self._examined)

    @property
    def denied(self) -> int:
        """Pictures that other runs learn from, of sources that some runs were denied."""
        return with_faces(self._denied_examined)

    def mixes(self, checkpoints: Path, known: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        """Tables of averages of checkpoints, by one crop alone; `known` are those measured before on these pictures."""
        held_back = self._samples, recut(self._samples, self._examined, MIX_MARGIN, CROP_SIDE)
        denied = self._denied, recut(self._denied, self._denied_examined, MIX_MARGIN, CROP_SIDE)

        def figures_of(table: str, average: Path) -> dict[str, float]:
            classifier = served_classifier(average)
            files = self._judge(classifier, (itself,), held_back)
            if table == "averages":
                return mix_figures(files)
            if table == UNSEEN:
                return mix_figures(files + self._judge(classifier, (itself,), denied))
            return mix_figures(files) | self._of_clips_and_maps(classifier)

        def row_of(mix: dict[str, Any], table: str) -> dict[str, Any]:
            paths = [checkpoints / name for name in mix["shares"]]
            if not all(path.is_file() for path in paths):
                return next(row for row in known[table] if row["what"] == mix["what"])
            with tempfile.TemporaryDirectory() as folder:
                average = Path(folder) / "mix.h5"
                save_average(paths, list(mix["shares"].values()), average)
                return {"what": mix["what"], **figures_of(table, average)}

        return {
            table: [{**row_of(mix, table), "kept": mix["kept"]} for mix in tqdm(mixes, table)]
            for table, mixes in json.loads(MIXES_PATH.read_text(encoding="utf-8")).items()
        }

    def runtimes(self) -> list[dict[str, Any]]:
        """Runtimes of the shipped model that this processor has, against Keras."""
        reference = self._judge(KerasClassifier(MODEL_PATH, fake_index=1))
        converted = converted_folder(MODEL_PATH, 1, ROOT / ".cache")
        rows = []
        for name, reduced in (("OpenVINO, float32", False), ("OpenVINO, reduced precision", True)):
            runtime = OpenVinoClassifier(converted, 1, reduced_precision=reduced, streams=1)
            if reduced and runtime.logit_tolerance == LOGIT_TOLERANCE:
                continue  # this processor has none
            files = self._judge(runtime)
            rows.append({"what": name, **runtime_figures(reference, files, self._manifest)})
        return rows

    def views(self) -> list[dict[str, Any]]:
        """What the shipped model sees in a crop alone, and with its other views."""
        model = served_classifier(MODEL_PATH)
        return [{"what": what, **mix_figures(self._judge(model, views))} for what, views in TRIED_VIEWS.items()]

    def cuts(self) -> list[dict[str, Any]]:
        """What the shipped model sees in other cuts of a face, each alone."""
        rows = []
        for what, (margin, side) in TRIED_CUTS.items():
            model = served_classifier(MODEL_PATH) if side == CROP_SIDE else ResizedNetwork(MODEL_PATH, side)
            looked_at = self._samples, recut(self._samples, self._examined, margin, side)
            rows.append({"what": what, **mix_figures(self._judge(model, (itself,), looked_at))})
        return rows

    def aggregations(self) -> list[dict[str, Any]]:
        """What the logits of frames make of clips, taken together in one way and another."""
        model = LoadedModel(served_classifier(MODEL_PATH), self._manifest)
        scored = score_examined(self._clips, examine_samples(self._clips, self._manifest), model)
        clips = [(sample.fake, tracks_of(frames)) for sample, frames, basis in scored if basis == "face_video"]
        fake = [fake for fake, _ in clips]
        rows = []
        for what, (of_track, of_clip) in TRIED_AGGREGATIONS.items():
            logits = [of_clip([of_track(track) for track in tracks]) for _, tracks in clips]
            rows.append({"what": what, "clips": str(len(clips)), "AUC": round(roc_auc_score(fake, logits), 4)})
        return rows

    def _of_clips_and_maps(self, classifier: Classifier) -> dict[str, float]:
        """What a network reaches on clips, as they are and compressed, and how often its map points where it should."""
        model = LoadedModel(classifier, self._manifest)
        clips = {
            row["what"]: row["auc"]["value"] for row in clips_reencoded(self._clips, model, 0.0, STRONGLY_COMPRESSED)
        }
        peaks = {f"peak inside, {row['what']}": row["peak inside"] for row in pointing_game(self._held_back, model)}
        return {"clips": clips["untouched"], "clips at CRF 40": clips["CRF 40"], **peaks}

    def _judge(
        self,
        classifier: Classifier,
        views: Sequence[View] = VIEWS,
        looked_at: LookedAt | None = None,
    ) -> list[JudgedFile]:
        """Judged pictures in which a face was found: those held back, as they are served, unless told otherwise."""
        samples, examined = looked_at or (self._samples, self._examined)
        files = judge_examined(samples, examined, LoadedModel(classifier, self._manifest), views)
        return [file for file in files if file.basis == "face_picture"]


def main() -> None:
    """Compare as the command line says."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=Path, nargs="+", required=True, help="folders with an index")
    ask.add_argument("--checkpoints", type=Path, required=True, help="folder of the .weights.h5 files of the mixes")
    wanted = ask.parse_args()
    cv2.setNumThreads(1)
    comparison = Comparison(wanted.data)
    before = json.loads(EXPERIMENTS_PATH.read_text(encoding="utf-8"))
    same = (before["files"], before["per_source"]) == (len(comparison), PER_SOURCE)
    experiments = {
        "files": len(comparison),
        "per_source": PER_SOURCE,
        "denied_files": comparison.denied,
        "mixes": comparison.mixes(wanted.checkpoints, before["mixes"] if same else {}),
        "runtimes": comparison.runtimes(),
        "views": comparison.views(),
        "cuts": comparison.cuts(),
        "aggregations": comparison.aggregations(),
    }
    EXPERIMENTS_PATH.write_text(json.dumps(experiments, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
