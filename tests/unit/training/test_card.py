from __future__ import annotations

import json

from backend.config import ROOT
from backend.model.manifest import file_sha256, read_manifest
from training.card import CARD_PATH, EXPERIMENTS_PATH, MIXES_PATH, README_PATH, card_text, with_summary

FIGURES = json.loads((ROOT / "training" / "figures.json").read_text())
MANIFEST = read_manifest(ROOT / "temp_model.json")


def test_figures_and_manifest_are_of_the_shipped_file():
    assert file_sha256(ROOT / "temp_model.h5") == MANIFEST.sha256 == FIGURES["sha256"]


def test_the_card_is_what_the_figures_make_of_its_text():
    assert CARD_PATH.read_text() == card_text(FIGURES, MANIFEST)
    assert "{{" not in CARD_PATH.read_text() and MANIFEST.sha256 in CARD_PATH.read_text()


def test_the_summary_in_the_readme_is_of_the_shipped_model():
    assert README_PATH.read_text() == with_summary(README_PATH.read_text(), MANIFEST)
    rates = MANIFEST.error_rates["face_picture"].real_called_fake
    assert f"{100 * rates.value:.1f} % ({100 * rates.low:.1f} to {100 * rates.high:.1f})" in README_PATH.read_text()


def test_the_mixes_that_are_told_are_those_that_were_to_be_compared_and_one_was_kept():
    told, wanted = json.loads(EXPERIMENTS_PATH.read_text())["mixes"], json.loads(MIXES_PATH.read_text())
    rows = {table: [(mix["what"], mix["kept"]) for mix in mixes] for table, mixes in told.items()}
    assert rows == {table: [(mix["what"], mix["kept"]) for mix in mixes] for table, mixes in wanted.items()}
    assert [kept for table in rows.values() for _, kept in table].count("yes") == 1
