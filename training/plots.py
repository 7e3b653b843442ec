"""The card's plots, as SVG that is the same for the same figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from backend.config import ROOT
from backend.domain import Calibration
from training.metrics import CONFIDENCE_BINS, Judged, source_weights

FOLDER = ROOT / "docs"
SIZE = (6.4, 4.8)  # inches
FEWEST = 20  # files of each label for a curve of their own


def write_plots(
    pictures: Judged,
    clips: Judged,
    calibrations: dict[str, Calibration],
    priors: dict[str, float],
    figures: dict[str, Any],
) -> None:
    """Write `roc.svg`, `reliability.svg`, `compression.svg` and `false_positives.svg` into `docs/`."""
    FOLDER.mkdir(exist_ok=True)
    bases = {"face_picture": pictures, "face_video": clips}
    _write("roc", lambda axes: _roc(axes, pictures, clips))
    _write("reliability", lambda axes: _reliability(axes, bases, calibrations, priors))
    _write("compression", lambda axes: _compression(axes, figures["clips_reencoded"]))
    _write("false_positives", lambda axes: _false_positives(axes, figures["real_pictures_called_fake"]))


def _write(name: str, draw: Callable[[Axes], None]) -> Path:
    with mpl.rc_context({"svg.hashsalt": "detector", "svg.fonttype": "none"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        draw(figure.subplots())
        path = FOLDER / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
    return path


def _roc(axes: Axes, pictures: Judged, clips: Judged) -> None:
    for source in np.unique(pictures.sources):
        one = pictures.where(pictures.sources == source)
        if min(one.fake.sum(), (~one.fake).sum()) >= FEWEST:
            false, found, _ = roc_curve(one.fake, one.logits)
            axes.plot(false, found, label=str(source))
    false, found, _ = roc_curve(clips.fake, clips.logits)
    axes.plot(false, found, "--", color="black", label="all clips")
    axes.set(xlabel="genuine files called fake", ylabel="fakes found", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right", fontsize="small")


def _reliability(
    axes: Axes, bases: dict[str, Judged], calibrations: dict[str, Calibration], priors: dict[str, float]
) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for basis, judged in bases.items():
        prior = priors[basis]
        weights = source_weights(judged) * np.where(judged.fake, 2 * prior, 2 * (1 - prior))
        probabilities = np.array([calibrations[basis].fake_probability(logit) for logit in judged.logits])
        bins = np.minimum((probabilities * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        chosen = [bins == number for number in np.unique(bins)]
        said = [np.average(probabilities[some], weights=weights[some]) for some in chosen]
        true = [np.average(judged.fake[some], weights=weights[some]) for some in chosen]
        axes.plot(said, true, "o-", label=f"{basis}, {prior:.0%} fake")
    axes.set(xlabel="probability of being fake, as said", ylabel="share that is fake", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")


def _compression(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    places = np.arange(len(rows))
    for name, colour in (("auc", "tab:blue"), ("real_called_fake", "tab:red")):
        values = np.array([[row[name][part] for part in ("value", "low", "high")] for row in rows])
        errors = np.clip(np.abs(values[:, 1:] - values[:, :1]).T, 0, None)
        label = "AUC of clips" if name == "auc" else "genuine clips called fake"
        axes.errorbar(places, values[:, 0], yerr=errors, fmt="o-", color=colour, capsize=3, label=label)
    axes.set_xticks(places, [row["what"].replace(", ", ",\n").replace(" at ", "\nat ") for row in rows])
    axes.set(ylim=(0, 1))
    axes.legend(loc="center left")


def _false_positives(axes: Axes, rows: dict[str, dict[str, dict[str, Any]]]) -> None:
    names = [name for name, row in rows.items() if row["shipped"]["files"] >= FEWEST]
    rates = [rows[name]["shipped"] for name in names]
    values = np.array([rate["value"] for rate in rates])
    errors = [values - [rate["low"] for rate in rates], [rate["high"] for rate in rates] - values]
    axes.barh(names, 100 * values, xerr=100 * np.clip(errors, 0, None), capsize=3)
    axes.set(xlabel="genuine pictures called fake, per cent")
