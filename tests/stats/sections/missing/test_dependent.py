"""Who lacks a modality: chances by row, and the AUROC to be expected under them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.showings import withheld
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import sample_scores
from mmdx.stats.metrics.folds import measure
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.sections.missing.curve import half_withheld, missing_rate_curve
from mmdx.stats.sections.missing.dependent import Dependence, chances, dependences, dependent_curves

LABELS = halves(80)
RATES = (0.25, 0.5)


def made(labels: np.ndarray = LABELS, **kinds) -> Cohort:
    arms = {"image+report": noisy(labels, 1.5), "image": noisy(labels, 6.0, seed=1)}
    return cohort_of(labels, arms, runs=dict.fromkeys(arms, "fused"), **kinds)


def curves(cohort: Cohort, ways: list[Dependence], *, resamples: int = 100, included: tuple[int, ...] = (0, 1)):
    (pair,) = withheld(cohort)
    resampler = Resampler.of(cohort, resamples=resamples, seed=0)
    return dependent_curves(cohort, pair, ways, RATES, resampler, included)


def test_chances_have_the_mean_and_the_odds_that_are_stated():
    slopes = np.log(4.0) * (np.arange(100) < 20)
    p = chances(slopes, 0.3)
    assert p.mean() == pytest.approx(0.3)
    odds = p / (1 - p)
    assert odds[0] / odds[99] == pytest.approx(4.0)


def test_the_same_chance_for_all_is_the_curve_by_chance_with_its_bands():
    cohort = made()
    found = curves(cohort, [Dependence("by chance", 1.0, np.zeros(LABELS.shape))])
    shown, without = (arm[0] for arm in cohort.scored)
    mixed = [[replace(shown, scores=each)] for each in half_withheld(cohort.labels, shown.scores, without.scores)]
    sets = [[shown], *mixed, [without]]
    drawn = sample_scores(cohort, METRICS["auroc"], sets, Resampler.of(cohort, resamples=100, seed=0))
    first, *both, last = (each.macro([0, 1]) for each in drawn)
    for point in missing_rate_curve(first, last, (both[0], both[1]), rates=RATES):
        assert found[0, point.rate].estimate.value == pytest.approx(point.estimate.value)
        assert found[0, point.rate].estimate.low == pytest.approx(point.estimate.low)
        assert found[0, point.rate].estimate.high == pytest.approx(point.estimate.high)


def test_it_is_the_mean_over_draws_of_who_lacks_the_modality():
    cohort, rng = made(), np.random.default_rng(3)
    way = Dependence("more often with the finding", 16.0, np.log(16.0) * LABELS)
    value = curves(cohort, [way], included=(0,))[0, 0.5].value
    p = chances(way.slopes[:, 0], 0.5)
    shown, without = (arm[0].scores[:, 0] for arm in cohort.scored)
    positive, drawn = LABELS[:, 0] == 1, []
    for _ in range(3000):
        scores = np.where(rng.random(80) < p, without, shown)
        drawn.append((scores[positive][:, None] > scores[~positive]).mean())
    assert value == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(3000))


def test_pairs_are_of_one_fold_and_unknown_labels_in_none():
    labels = LABELS.copy()
    labels[:7, 0] = np.nan
    cohort, folds = made(labels), np.arange(80) // 20
    cohort = replace(cohort, scored=tuple((replace(arm[0], folds=folds),) for arm in cohort.scored))
    rare = replace(Dependence("by chance", 1.0, np.zeros(LABELS.shape)))
    (pair,) = withheld(cohort)
    resampler = Resampler.of(cohort, resamples=50, seed=0)
    found = dependent_curves(cohort, pair, [rare], (1e-9,), resampler, [0])[0, 1e-9]
    known, once = ~np.isnan(labels[:, 0]), np.ones((1, int((~np.isnan(labels[:, 0])).sum())), dtype=np.int64)
    scores = cohort.scored[0][0].scores[known, 0]
    expected = measure(METRICS["auroc"], labels[known, 0], scores, once, folds[known])[0]
    assert found.value == pytest.approx(expected, abs=1e-6)


def test_what_absence_may_depend_on():
    plain = [way.said for way in dependences(made(), withheld(made())[0])]
    assert plain[0] == "by chance"
    assert dict.fromkeys(plain[1:]) == dict.fromkeys(
        f"more often {who}" for who in ("with the finding", "without the finding", "at high scores", "at low scores")
    )
    traits = {"Site": ["a", "b", "b", None] * 20, "age": [30.0, "50", "", "unknown"] * 20, "sex": ["f", "m"] * 40}
    cohort = made(traits=traits)
    ways = {(way.said, way.strength): way for way in dependences(cohort, withheld(cohort)[0])}
    assert len(ways) == 1 + 4 * 4
    older = ways["more often at a higher age", 4.0].slopes[:4, 0]
    assert older == pytest.approx([-np.log(4) / 2 * np.sqrt(2), np.log(4) / 2 * np.sqrt(2), 0, 0], rel=0.3)
    site = ways["more often at a Site with more of the finding", 4.0].slopes[:, 0]
    share = {name: LABELS[[i for i in range(80) if traits["Site"][i] == name], 0].mean() for name in ("a", "b")}
    assert (site[0] < site[1]) == (share["a"] < share["b"])
    assert site[3] == 0
