"""Where training studies lie, and how far from them those lie that a model has not seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from mmdx.engine.scoring.domain import MOST_PATIENTS, _one_a_patient, limit_of, reference_of

RNG = np.random.default_rng(0)
MIXED = RNG.normal(size=(60, 8)) @ RNG.normal(size=(8, 8))


@pytest.mark.parametrize("count", [60, 12])
def test_the_distance_is_that_of_mahalanobis_under_a_shrunk_covariance(count: int):
    """Of as many studies as numbers and more, in units of the median of the training studies."""
    vectors = np.tile(MIXED, (1, 2))[:count] + RNG.normal(size=(count, 16))
    reference = reference_of(vectors)
    assert reference is not None
    away = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    fitted = LedoitWolf(assume_centered=True).fit(away)
    new = RNG.normal(size=(5, 16)) * 3
    expected = np.sqrt(fitted.mahalanobis((new - vectors.mean(axis=0)) / vectors.std(axis=0)))
    usual = torch.quantile(reference.distance(torch.from_numpy(vectors)), 0.5, interpolation="lower")
    assert usual.item() == pytest.approx(1, rel=1e-3)
    median = np.quantile(np.sqrt(fitted.mahalanobis(away)), 0.5, method="lower")
    np.testing.assert_allclose(reference.distance(torch.from_numpy(new)).numpy(), expected / median, rtol=2e-3)


def test_too_few_studies_or_all_the_same_say_nothing():
    assert reference_of(MIXED[:9]) is None
    assert reference_of(np.ones((20, 4))) is None
    assert reference_of(np.full((20, 4), np.nan)) is None


def test_at_most_one_in_twenty_lies_beyond_the_limit():
    assert limit_of(np.arange(1.0, 20)) == 19
    assert limit_of(np.arange(1.0, 19)) is None
    assert limit_of(RNG.permutation(np.arange(1.0, 100))) == 95


def test_new_draws_from_the_same_patients_are_called_unlike_as_seldom_as_is_said():
    alarms = []
    for _ in range(300):
        train, validation, test = (RNG.normal(size=(count, 6)).astype(np.float32) for count in (40, 39, 20))
        reference = reference_of(train)
        assert reference is not None
        limit = limit_of(reference.distance(torch.from_numpy(validation)).numpy())
        assert limit is not None
        alarms.append(float((reference.distance(torch.from_numpy(test)) > limit).double().mean()))
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)


def test_one_study_a_patient_and_no_more_than_two_hundred():
    patients = [f"p{row // 2}" for row in range(1000)]
    chosen = _one_a_patient(patients, range(100, 1000), seed=0)
    assert len(chosen) == MOST_PATIENTS == len({patients[row] for row in chosen})
    assert min(chosen) >= 100
    assert chosen == _one_a_patient(patients, range(100, 1000), seed=0) != _one_a_patient(patients, range(100, 1000), 1)
