"""One set of resamples: what is measured over it is what the weights of its rows give, draw by draw."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import sum_by_patient
from mmdx.stats.metrics.registry import METRICS

LABELS = halves(60)
PATIENTS = np.array([0, 0, 1, 2, 2, 2])


def rows_of(resampler: Resampler) -> np.ndarray:
    return resampler.drawn()[:, resampler.patients]


def test_the_first_resamples_are_the_same_however_many_there_are_or_are_held_at_once():
    resampler = Resampler(PATIENTS, None, 70, 3)
    assert (resampler.at_most(20).drawn() == resampler.drawn()[:20]).all()
    assert resampler.at_most(100).resamples == 70
    assert (np.concatenate([counts for _, counts in resampler.counts(at_once=9)]) == resampler.drawn()).all()
    assert (resampler.drawn().sum(axis=1) == 3).all()


def test_a_cohort_with_a_rare_class_is_drawn_in_strata():
    labels = np.zeros((40, 1))
    labels[:3] = 1
    resampler = Resampler.of(cohort_of(labels, {"image": noisy(labels, 1.0)}), resamples=50, seed=0)
    assert resampler.stratum_count == 2
    assert (resampler.drawn()[:, :3].sum(axis=1) == 3).all()
    assert Resampler(PATIENTS, None, 5, 0).stratum_count == 1


def test_sums_are_those_of_the_rows_that_were_drawn():
    resampler, values = Resampler(PATIENTS, np.array([0, 0, 1, 1, 1, 1]), 70, 3), np.arange(12.0).reshape(6, 2)
    assert resampler.sums(sum_by_patient(values, PATIENTS, 3)) == pytest.approx(rows_of(resampler) @ values)


def test_values_are_of_each_row_once_and_of_each_resample():
    resampler, values = Resampler(PATIENTS, None, 300, 1), np.arange(6.0)
    drawn = resampler.values(lambda weights: {"sum": weights @ values, "rows": weights.sum(axis=1)})
    assert (drawn["sum"].value, drawn["rows"].value) == (15, 6)
    assert drawn["sum"].resampled == pytest.approx(rows_of(resampler) @ values)


@pytest.mark.parametrize("metric", ["auroc", "ap", "brier"])
def test_a_metric_over_subsets_is_that_of_the_rows_of_each_that_were_drawn(metric):
    scores, half = noisy(LABELS, 4.0), np.arange(60) < 30
    resampler = Resampler(np.repeat(np.arange(30), 2), None, 50, 0)
    _, second = resampler.over(METRICS[metric], LABELS, scores[None], subsets=[half, ~half])
    measure, cells = METRICS[metric].function, (LABELS[~half, 1], scores[~half, 1])
    assert second.points[0, 1] == pytest.approx(measure(*cells, np.ones((1, 30), dtype=np.int64))[0])
    weights = rows_of(resampler)[:, ~half].astype(np.int64)
    assert second.resampled[0, 1] == pytest.approx(measure(*cells, weights), nan_ok=True)


def test_resamples_are_as_many_as_a_few_seconds_hold():
    resampler = Resampler(PATIENTS, None, 2000, 0)
    assert [resampler.affordable(values=values).resamples for values in (1000, 10**6, 10**9)] == [2000, 1000, 200]


def test_whoever_waits_is_told_what_is_done():
    told: list[tuple[int, int]] = []
    resampler = Resampler(PATIENTS, None, 70, 3, told=lambda *said: told.append(said))
    assert len(list(resampler.at_most(40).counts(at_once=16))) == 3
    assert told == [(0, 40), (16, 40), (32, 40)]
    resampler.values(lambda weights: {"n": weights.sum(axis=1).astype(float)})
    assert told[3:] == [(0, 70)]
