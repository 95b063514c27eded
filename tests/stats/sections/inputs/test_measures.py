"""What swaps of known models say."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of
from scipy.special import expit
from swaps_by_hand import swaps_of

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.inputs.measures import measure_uses

LABELS = np.tile([1.0, 0.0], 40)[:, None]
RNG = np.random.default_rng(0)
IMAGE, REPORT = RNG.normal(size=80), 3 * (2 * LABELS[:, 0] - 1) + RNG.normal(size=80)


def measured(answer, image=IMAGE, report=REPORT, labels=LABELS):
    swaps = swaps_of(image, report, answer)
    cohort = cohort_of(labels, {"image+report": expit(swaps.shown["image+report"])}, threshold=0.5)
    resampler = Resampler.of(cohort, resamples=200, seed=0)
    return measure_uses(cohort, 0, swaps, np.arange(len(labels)), resampler)


def test_a_model_that_reads_the_report_alone():
    uses = measured(lambda image, report: report + 0 * image)
    image, report = uses.swaps["image", "any"], uses.swaps["report", "any"]
    assert image.drop.estimate.value == pytest.approx(0)
    assert image.flips.value == image.log_odds.value == 0
    assert report.drop.estimate.low < report.drop.estimate.value < report.drop.estimate.high
    assert report.auroc.value == pytest.approx(0.5, abs=0.02)
    assert uses.swaps["report", "opposite"].flips.value > 0.95
    assert uses.swaps["report", "same"].drop.estimate.value == pytest.approx(0, abs=0.01)
    assert uses.together["image"].own.value == pytest.approx(0)
    assert uses.shares["report"].value == pytest.approx(0.5 * (uses.full.value - 0.5 + uses.full.value - _alone(IMAGE)))
    worded = uses.reworded["report: negations flipped"]
    assert worded[0] == 80
    assert worded[1].auroc.value == pytest.approx(1 - uses.full.value)


def _alone(scores: np.ndarray) -> float:
    positive, negative = scores[LABELS[:, 0] == 1], scores[LABELS[:, 0] == 0]
    return float((positive[:, None] > negative[None, :]).mean())


def test_a_sum_gains_nothing_over_its_projection_and_an_interaction_does():
    added = measured(np.add)
    assert added.together["report"].gain.estimate.value == pytest.approx(0, abs=1e-9)
    assert added.together["report"].both.value == pytest.approx(0, abs=1e-6)
    signs = RNG.choice([-1.0, 1.0], size=80)
    product = measured(np.multiply, image=signs, report=signs * (2 * LABELS[:, 0] - 1))
    gain = product.together["image"].gain
    assert gain.estimate.value > 0.3
    assert gain.shown
    assert product.together["image"].log_loss.estimate.value > 0.2


def test_rows_of_the_cohort_may_stand_in_another_order():
    swaps, order = swaps_of(IMAGE, REPORT), RNG.permutation(80)
    cohort = cohort_of(LABELS[order], {"image+report": expit(swaps.shown["image+report"][order])}, threshold=0.5)
    rows = np.argsort(order)
    found = measure_uses(cohort, 0, swaps, rows, Resampler.of(cohort, resamples=100, seed=0))
    assert found.full.value == pytest.approx(measured(np.add).full.value)
    assert found.swaps["report", "any"].auroc.value == pytest.approx(
        measured(np.add).swaps["report", "any"].auroc.value
    )


def test_without_thresholds_no_decision_changes():
    swaps = swaps_of(IMAGE, REPORT)
    cohort = cohort_of(LABELS, {"image+report": expit(swaps.shown["image+report"])})
    uses = measure_uses(cohort, 0, swaps, np.arange(80), Resampler.of(cohort, resamples=100, seed=0))
    assert {moved.flips for moved in uses.swaps.values()} == {None}
