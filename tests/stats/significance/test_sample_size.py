"""How many patients a difference takes, held against cohorts from a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from mmdx.errors import UsageError
from mmdx.stats.significance import sample_size
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.sample_size import ScoredPair, patients_needed, share_shown, with_difference


def binormal(patients: int, generator: np.random.Generator, *, second: float) -> ScoredPair:
    """AUROC 0.9 and `second`, correlated by 0.5, four in ten with the finding."""
    labels = (generator.random(patients) < 0.4).astype(float)
    noise = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=patients)
    scores = noise + labels[:, None] * np.sqrt(2) * norm.ppf([0.9, second])
    return ScoredPair(labels, scores[:, 0], scores[:, 1], np.arange(patients))


@pytest.fixture
def few_cohorts(monkeypatch):
    monkeypatch.setattr(sample_size, "COHORTS", 250)
    monkeypatch.setattr(sample_size, "RESAMPLES", 60)
    monkeypatch.setattr(sample_size, "FIRST_COHORTS", 100)


def test_the_planned_number_has_the_wanted_power_in_cohorts_from_the_truth(few_cohorts):
    """A small form of what `docs/decisions.md` states; 300 cohorts have a standard error of 2.3 points."""
    pair = with_difference(binormal(2000, np.random.default_rng(1), second=0.7), 0.15)
    planned = patients_needed(pair, stated=True, seed=0)
    generator, shown = np.random.default_rng(2), 0
    for _ in range(300):
        drawn = binormal(planned.patients, generator, second=0.75)
        test = delong_test(drawn.labels, drawn.first, drawn.second, drawn.patients)
        shown += test.p <= 0.05 and test.difference > 0
    assert shown / 300 == pytest.approx(0.8, abs=0.07)
    assert planned.low < planned.patients < planned.high
    assert planned.power[0] == pytest.approx(0.8, abs=0.05)


def test_scores_are_moved_to_the_difference_and_keep_the_first_auroc():
    pair = binormal(800, np.random.default_rng(0), second=0.85)
    moved = with_difference(pair, 0.03)
    assert moved.difference == pytest.approx(0.03, abs=1e-3)
    for kind in (0, 1):
        ranks = [np.argsort(np.argsort(own.second[own.labels == kind])) for own in (pair, moved)]
        assert np.array_equal(*ranks)
    assert replace(moved, second=pair.second).difference == pytest.approx(pair.difference)


def test_a_difference_that_no_move_gives_is_refused():
    pair = binormal(200, np.random.default_rng(0), second=0.8)
    constant = replace(pair, second=np.zeros(200))
    with pytest.raises(UsageError, match=r"^difference 0\.1: these scores cannot be moved to it"):
        with_difference(constant, 0.1)


def test_rows_of_a_patient_are_drawn_together():
    labels, scores = np.tile([1.0, 0.0], 10), np.random.default_rng(0).random((2, 20))
    pair = ScoredPair(labels, *scores, np.repeat(np.arange(10), 2))
    for drawn in sample_size._cohorts(pair, 7, 3, np.random.default_rng(0)):
        assert len(drawn.labels) == 14
        assert drawn.labels.tolist() == [1.0, 0.0] * 7
        assert drawn.patients.tolist() == np.repeat(np.arange(7), 2).tolist()


def test_no_difference_and_too_few_patients_are_refused():
    pair = binormal(60, np.random.default_rng(0), second=0.8)
    assert patients_needed(replace(pair, second=pair.first)).refused.startswith("no difference was seen")
    few = replace(pair, labels=(np.arange(60) < 4).astype(float))
    assert "4 patients with the finding" in patients_needed(few).refused


def test_many_rows_are_planned_by_the_error_of_the_test_alone(few_cohorts, monkeypatch):
    monkeypatch.setattr(sample_size, "MOST_ROWS", 50)
    pair = binormal(400, np.random.default_rng(0), second=0.8)
    test = delong_test(pair.labels, pair.first, pair.second, pair.patients)
    planned = patients_needed(pair)
    assert planned.power is None
    assert planned.patients == int(np.ceil(400 * (2.8015852 * test.error / test.difference) ** 2))


def test_the_share_counts_the_right_direction_alone():
    pair = binormal(300, np.random.default_rng(0), second=0.6)
    turned = replace(pair, first=pair.second, second=pair.first)
    shares = [share_shown(each, 100, 60, np.random.default_rng(0)) for each in (pair, turned)]
    assert shares[0] == shares[1] > 0.9
