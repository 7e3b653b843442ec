from __future__ import annotations

import pytest

from bench.documents import between_marks

DOCUMENT = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"


def test_figures_replace_what_was_between_their_marks_and_nothing_else():
    once = between_marks(DOCUMENT, "bench", r"new \1")
    assert once == DOCUMENT.replace("old", r"new \1")
    assert between_marks(once, "bench", r"new \1") == once


@pytest.mark.parametrize("document", ["", DOCUMENT * 2, "<!-- bench -->"])
def test_a_document_without_one_place_for_figures_is_refused(document):
    with pytest.raises(ValueError, match="not one place"):
        between_marks(document, "bench", "new")
