"""MODEL_CARD.md out of what was measured, no figure in it written by hand; anew: `python -m training.card`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from backend.config import ROOT
from backend.model.manifest import SHARES_OF_FAKES, ErrorRates, Manifest, manifest_path, read_manifest
from bench.documents import between_marks
from training.anomaly_tables import anomaly_table, kept_table, measured_files, region_table, spoiled_table
from training.config import TrainingConfig
from training.words import percent, plain

MODEL_PATH = ROOT / "temp_model.h5"
FIGURES_PATH = ROOT / "training" / "figures.json"
CARD_PATH = ROOT / "MODEL_CARD.md"
README_PATH = ROOT / "README.md"
TEXT_PATH = ROOT / "training" / "card.md"
EXPERIMENTS_PATH = ROOT / "training" / "experiments.json"
MIXES_PATH = ROOT / "training" / "mixes.json"
RUNS_PATH = ROOT / "training" / "runs.json"
TRIED_PATH = ROOT / "training" / "anomalies.json"
SHIPPED_RUNS = ("AA", "AB")  # side by side, what `card.md` says was shipped


def write_card(figures: dict[str, Any], manifest: Manifest) -> None:
    """Write the card, and the summary between its marks in the README."""
    CARD_PATH.write_text(card_text(figures, manifest), encoding="utf-8")
    readme = README_PATH.read_text(encoding="utf-8")
    README_PATH.write_text(with_summary(readme, manifest), encoding="utf-8")


def card_text(figures: dict[str, Any], manifest: Manifest) -> str:
    """The card's text with its places `{{name}}` filled by tables."""
    text = TEXT_PATH.read_text(encoding="utf-8")
    experiments = json.loads(EXPERIMENTS_PATH.read_text(encoding="utf-8"))
    tried = json.loads(TRIED_PATH.read_text(encoding="utf-8"))
    runs = {run["run"]: run for run in json.loads(RUNS_PATH.read_text(encoding="utf-8"))}
    tables = {
        "identity": identity(figures, manifest),
        "pictures": source_table(figures["pictures"]),
        "clips": source_table(figures["clips"]),
        "reals": real_table(figures["real_pictures_called_fake"]),
        "calibration": calibration_table(figures, manifest),
        "meaning": meaning_table(manifest.error_rates),
        "reencoded": changed_table(figures["clips_reencoded"]),
        "changed": changed_table(figures["pictures_changed"]),
        "pointing": pointing_table(figures["pointing_game"]),
        "regions": region_table([*tried["regions"], *figures["edited_regions"]]),
        "edits": source_table(figures["edits"], "parts replaced"),
        "anomalies": anomaly_table(tried["tried"]),
        "spoiled": spoiled_table(tried["steps"]),
        "measured_files": [measured_files(tried["files"])],
        "people": people_table(figures["people"]),
        "runs": [length_of([runs[name] for name in SHIPPED_RUNS])],
        "files": [str(experiments["files"])],
        "per_source": [str(experiments["per_source"])],
        "averages": comparison_table(experiments["mixes"]["averages"]),
        "steps_from_p": comparison_table(experiments["mixes"]["steps_from_p"]),
        "denied_files": [str(experiments["denied_files"])],
        "unseen": comparison_table(experiments["mixes"]["unseen"]),
        "short_runs": comparison_table(experiments["mixes"]["short_runs"]),
        "runtimes": comparison_table(experiments["runtimes"]),
        "views": comparison_table(experiments["views"]),
        "cuts": comparison_table(experiments["cuts"]),
        "aggregations": comparison_table(experiments["aggregations"]),
    }
    for name, lines in tables.items():
        text = text.replace("{{" + name + "}}", "\n".join(lines))
    return text


def with_summary(readme: str, manifest: Manifest) -> str:
    """The README with the summary of this model, and the anomalies that are told, between their marks."""
    tried = json.loads(TRIED_PATH.read_text(encoding="utf-8"))
    with_figures = between_marks(readme, "figures", "\n".join(summary_table(manifest)))
    return between_marks(with_figures, "anomalies", "\n".join(kept_table(tried["tried"])))


def summary_table(manifest: Manifest) -> Iterator[str]:
    """How often thresholds set on other groups of files were wrong, every source counting alike."""
    yield "| basis | real called fake | fake called real | files |"
    yield "| --- | --- | --- | --- |"
    for basis, rates in manifest.error_rates.items():
        real, fake = asdict(rates.real_called_fake), asdict(rates.fake_called_real)
        yield f"| {basis} | {percent(real)} | {percent(fake)} | {real['files']} real, {fake['files']} fake |"


def identity(figures: dict[str, Any], manifest: Manifest) -> Iterator[str]:
    """Which file the card speaks of."""
    yield f"Version `{manifest.version}`, measured on {figures['measured']}, SHA-256 `{manifest.sha256}`."


def source_table(rows: Sequence[dict[str, Any]], what: str = "source") -> Iterator[str]:
    """A line for each source."""
    yield f"| {what} | real | fake | AUC | balanced accuracy | real called fake | fake found |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        yield (
            f"| {row['source']} | {row['real']} | {row['fake']} | {plain(row['auc'])} | "
            f"{percent(row['balanced_accuracy'])} | {percent(row['real_called_fake'])} | {percent(row['fake_found'])} |"
        )


def real_table(rows: dict[str, dict[str, dict[str, Any]]]) -> Iterator[str]:
    """Reals by where they are from."""
    yield "| real pictures of | files | called fake, shipped threshold | called fake, held out |"
    yield "| --- | --- | --- | --- |"
    for source, rates in rows.items():
        yield f"| {source} | {rates['shipped']['files']} | {percent(rates['shipped'])} | {percent(rates['held_out'])} |"


def length_of(runs: Sequence[dict[str, Any]]) -> str:
    """How much runs of `training/runs.json`, side by side and alike in their batches, learned."""
    config = TrainingConfig(**runs[0]["configuration"])
    epochs = " and ".join(str(len(run["epochs"])) for run in runs)
    return (
        f"{epochs} epochs of {config.epoch_steps} steps with a batch of {config.batch}, "
        f"in {config.minutes:.0f} minutes on one {runs[0]['device']}"
    )


def changed_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each way in which files were changed."""
    clips = "auc" in rows[0]
    yield "| changed by | files | " + ("AUC | " if clips else "without a face | ") + "real called fake |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        what = plain(row["auc"]) if clips else row["without_face"]
        yield f"| {row['what']} | {row['files']} | {what} | {percent(row['real_called_fake'])} |"


def pointing_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """How often the largest cell of the map lies where the fake was made."""
    yield "| fakes | faces | peak inside the mask | by chance |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        yield f"| {row['what']} | {row['faces']} | {row['peak inside']:.1%} | {row['chance']:.1%} |"


def people_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Genuine people called fake, by what is known of them."""
    yield "| genuine people | files | called fake |"
    yield "| --- | --- | --- |"
    for row in rows:
        yield f"| {row['who']} | {row['files']} | {percent(row)} |"


def calibration_table(figures: dict[str, Any], manifest: Manifest) -> Iterator[str]:
    """What the probabilities rest on."""
    yield (
        "| basis | threshold (logit) | slope | share of fakes assumed | inconclusive between | calibration error | "
        "the same if every probability were true |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for basis, calibration in manifest.calibration.items():
        low, high = manifest.inconclusive[basis]
        measured = figures["calibration_error"][basis]
        yield (
            f"| {basis} | {calibration.threshold:.2f} | {calibration.scale:.2f} | {manifest.prior[basis]:.2f} | "
            f"{low:.2f} and {high:.2f} | {measured['error']:.3f} | {measured['by_chance']:.3f} |"
        )


def meaning_table(rates: dict[str, ErrorRates]) -> Iterator[str]:
    """How often Fake is right, by how much of the material is fake."""
    yield "| basis | " + " | ".join(f"{share:.0%} of the files fake" for share in SHARES_OF_FAKES) + " |"
    yield "| --- |" + " --- |" * len(SHARES_OF_FAKES)
    for basis, one in rates.items():
        yield f"| {basis} | " + " | ".join(f"{one.fake_right(share):.0%}" for share in SHARES_OF_FAKES) + " |"


def comparison_table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each thing that was compared, a column for each of its figures."""
    yield "| " + " | ".join(rows[0]) + " |"
    yield "| " + " | ".join("---" for _ in rows[0]) + " |"
    for row in rows:
        yield "| " + " | ".join(f"{value:.4f}" if isinstance(value, float) else value for value in row.values()) + " |"


if __name__ == "__main__":
    write_card(json.loads(FIGURES_PATH.read_text(encoding="utf-8")), read_manifest(manifest_path(MODEL_PATH)))
