from __future__ import annotations

import numpy as np
import pytest

from training.calibrate import (
    REAL_BOUNDS,
    fit,
    folds,
    held_out_calls,
    inconclusive_band,
    lowest_threshold,
    mean_over_sources,
    platt,
)
from training.metrics import (
    Judged,
    area,
    balanced_accuracy,
    calibration_error,
    calibration_error_by_chance,
    called_fake,
    interval,
    rate,
)


def judged(logits, fake, sources=None, groups=None) -> Judged:
    count = len(logits)
    return Judged(
        np.asarray(logits, float),
        np.asarray(fake, bool),
        np.asarray(sources if sources is not None else ["one"] * count),
        np.asarray(groups if groups is not None else [str(place) for place in range(count)]),
    )


def drawn(slope: float, bias: float, count: int = 20_000) -> Judged:
    """Logits whose labels obey a known logistic law, with as many fakes as reals."""
    random = np.random.default_rng(0)
    logits = random.uniform(-6, 6, count)
    fake = random.random(count) < 1 / (1 + np.exp(-(slope * logits + bias)))
    return judged(logits, fake)


def test_a_known_scale_is_recovered():
    slope, bias = platt(drawn(0.7, 0.0))
    assert slope == pytest.approx(0.7, rel=0.05) and bias == pytest.approx(0.0, abs=0.1)


@pytest.fixture
def bounded() -> Judged:
    """Files of two sources of reals that have bounds, and of one of fakes."""
    random = np.random.default_rng(1)
    logits = np.concatenate([random.normal(0, 1, 500), random.normal(-1, 1, 500), random.normal(4, 1, 500)])
    sources = ["portraits"] * 500 + ["web photos"] * 500 + ["sd3"] * 500
    return judged(logits, [False] * 1000 + [True] * 500, sources)


def shares_of_reals(files: Judged, threshold: float) -> dict[str, float]:
    """Of each source of reals the share that is called fake."""
    reals = files.where(~files.fake)
    return {str(one): called_fake(reals.where(reals.sources == one), threshold) for one in np.unique(reals.sources)}


def test_the_threshold_keeps_the_bound_of_every_source(bounded):
    threshold = lowest_threshold(bounded)
    assert all(share <= REAL_BOUNDS[one] for one, share in shares_of_reals(bounded, threshold).items())
    assert any(share > REAL_BOUNDS[one] for one, share in shares_of_reals(bounded, threshold - 0.2).items())


def test_the_threshold_as_it_is_written_down_keeps_the_bounds_too(bounded):
    for moved in np.arange(10) / 30_000:  # whichever way the last digit would be rounded
        files = Judged(bounded.logits + moved, bounded.fake, bounded.sources, bounded.groups)
        threshold = fit(files).calibration.threshold
        assert threshold == round(threshold, 4)
        assert all(share <= REAL_BOUNDS[one] for one, share in shares_of_reals(files, threshold).items())


def test_at_the_threshold_odds_are_even_under_the_prior_that_is_told():
    files = drawn(0.7, 0.0)
    files = Judged(files.logits, files.fake, np.where(files.fake, "sd3", "portraits"), files.groups)
    fitted = fit(files)
    slope, bias = platt(files)
    odds = fitted.prior / (1 - fitted.prior) * np.exp(slope * fitted.calibration.threshold + bias)
    assert odds == pytest.approx(1, abs=0.02)
    assert fitted.error < 0.05


def test_outside_the_band_verdicts_are_sure():
    random = np.random.default_rng(2)
    probabilities = random.random(5000)
    fake = random.random(5000) < probabilities
    low, high = inconclusive_band(probabilities, fake, np.ones(5000))
    assert fake[probabilities >= high].mean() >= 0.95 and (~fake)[probabilities <= low].mean() >= 0.95
    assert 0.85 < high < 0.95 and 0.05 < low < 0.15


def test_figures_are_what_they_are_called():
    files = judged([0, 1, 2, 3], [False, True, False, True])
    assert area(files) == 0.75
    assert called_fake(files, 1.5) == 0.5
    assert balanced_accuracy(files, 1.5) == 0.5
    assert np.isnan(area(judged([1, 2], [True, True])))


def test_sources_count_alike_in_a_mean_over_sources():
    calls = judged([1] * 10 + [0] * 90 + [0], [False] * 101, ["a"] * 100 + ["b"])
    assert mean_over_sources(calls) == pytest.approx(0.05)


def test_an_interval_holds_the_figure_and_copies_in_a_group_do_not_narrow_it():
    random = np.random.default_rng(3)
    logits, fake = random.normal(size=40) + np.repeat([0, 1], 20), np.repeat([False, True], 20)
    names = [str(place) for place in range(40)]
    few = judged(logits, fake, groups=names)
    copied = judged(np.repeat(logits, 10), np.repeat(fake, 10), groups=np.repeat(names, 10))
    believed_independent = judged(np.repeat(logits, 10), np.repeat(fake, 10))
    widths = [high - low for low, high in (interval(files, area) for files in (few, copied, believed_independent))]
    low, high = interval(few, area)
    assert low < area(few) < high
    assert widths[1] == pytest.approx(widths[0], rel=0.01) and widths[2] < 0.5 * widths[0]
    assert rate(copied, area).files == 400


def test_error_rates_are_of_thresholds_set_on_other_groups():
    random = np.random.default_rng(5)
    logits = np.concatenate([random.normal(0, 1, 60), random.normal(3, 1, 60)])
    files = judged(logits, [False] * 60 + [True] * 60, ["portraits"] * 60 + ["sd3"] * 60)
    calls = held_out_calls(files)
    assert set(calls.logits) == {0.0, 1.0} and len(calls) == 120
    assert called_fake(files.where(~files.fake), lowest_threshold(files)) <= REAL_BOUNDS["portraits"]
    for fitted, held in folds(files):
        assert not set(files.groups[fitted]) & set(files.groups[held])
        threshold = lowest_threshold(files.where(fitted))
        np.testing.assert_array_equal(calls.logits[held], files.logits[held] >= threshold)


def test_believable_probabilities_have_no_calibration_error():
    random = np.random.default_rng(4)
    probabilities = random.random(50_000)
    fake = random.random(50_000) < probabilities
    assert calibration_error(probabilities, fake, np.ones(50_000)) < 0.02
    assert calibration_error(probabilities, ~fake, np.ones(50_000)) > 0.3


def test_believable_probabilities_of_few_files_have_a_calibration_error_that_chance_explains():
    random = np.random.default_rng(5)
    few = random.random(90)
    errors = [calibration_error(few, random.random(90) < few, np.ones(90)) for _ in range(200)]
    by_chance = calibration_error_by_chance(few, np.ones(90))
    assert 0.08 < by_chance == pytest.approx(np.mean(errors), abs=0.01)
    assert calibration_error_by_chance(random.random(50_000), np.ones(50_000)) < 0.01
