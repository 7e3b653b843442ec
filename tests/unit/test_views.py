"""Views of a crop, and the score that they give together."""

from __future__ import annotations

import numpy as np
import pytest

from backend.model.holder import LoadedModel
from backend.model.views import VIEWS, closer, itself, mirrored, score_in_views
from tests.fakes import MANIFEST, FakeClassifier

RAMP = np.broadcast_to(np.arange(224, dtype=np.uint8)[None, :, None], (224, 224, 3))


class SeesBrightness(FakeClassifier):
    """Gives every cell the brightness of its own place."""

    def predict(self, crops):
        self.batches.append(len(crops))
        maps = crops.mean(axis=-1).reshape(len(crops), 7, 32, 7, 32).mean(axis=(2, 4)).astype(np.float32)
        return np.full(len(crops), 0.5, np.float32), maps


def test_a_mirror_image_is_turned_back_by_another():
    assert (mirrored(RAMP)[:, 0] == 223).all()
    np.testing.assert_array_equal(mirrored(mirrored(RAMP)), RAMP)


def test_the_closer_view_is_the_middle_at_the_size_of_the_crop():
    seen = closer(RAMP)
    assert seen.shape == RAMP.shape and seen.dtype == np.uint8
    assert seen[0, 0, 0] == 27 and seen[0, -1, 0] == 196 and seen[112, 112, 0] == pytest.approx(112, abs=1)


def test_a_score_is_the_mean_of_its_views_and_its_map_that_of_the_crop():
    classifier = SeesBrightness()
    crops = np.stack([RAMP, RAMP // 2])
    first, second = score_in_views(crops, LoadedModel(classifier, MANIFEST))
    assert classifier.batches == [2 * len(VIEWS)]
    assert first.view_logits == pytest.approx((111.5, 111.5, 111.5), abs=0.5) and first.logit_map[0, 0] == 15.5
    assert second.logit == pytest.approx(sum(second.view_logits) / 3) and second.logit_map[0, 0] < first.logit_map[0, 0]


def test_one_view_alone_is_the_crop_as_it_is():
    model = LoadedModel(SeesBrightness(), MANIFEST)
    (seen,) = score_in_views(RAMP[None], model, (itself,))
    (plain,) = model.score(RAMP[None])
    assert seen.logit == plain.logit and seen.view_logits == (plain.logit,)
