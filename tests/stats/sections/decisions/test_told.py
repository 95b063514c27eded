"""Sentences about the order of two models."""

from __future__ import annotations

from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.sections.decisions.ranking import Order
from mmdx.stats.sections.decisions.told import sentences


def test_which_leads_and_how_often_that_is_reversed():
    labels = halves(40)
    cohort = cohort_of(labels, {"a": noisy(labels, 1.0), "b": noisy(labels, 1.0)})
    ranked = [Order(1, 1, Estimate(0.125, 0.1, 0.15, 800)), Order(1, None, Estimate(0.5, None, None, 8, "alike"))]
    assert sentences(cohort, [], [], ranked) == (
        "In macro AUROC, b leads a; in 12.5 % of the resamples of patients (10.0 % to 15.0 % by their number) the "
        "order is reversed.",
        "How often a and b would change their order in macro AUROC cannot be said: alike.",
    )
