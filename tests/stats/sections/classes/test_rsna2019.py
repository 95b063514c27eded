"""The loss of the RSNA 2019 challenge by hand, and against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as sk
from asking import ask
from scored import cohort_of

from mmdx.data.readers._rsna import FINDINGS
from mmdx.stats.cohort.origins import Origin
from mmdx.stats.sections.classes.rsna2019 import WEIGHTS, rsna_log_loss
from mmdx.stats.sections.classes.section import groups_section


def test_the_rsna_loss_counts_any_twice():
    labels, scores = np.zeros((1, 6)), np.full((1, 6), 0.5)
    once = np.ones((1, 1), dtype=np.int64)
    assert rsna_log_loss(labels, scores, once, FINDINGS)[0] == pytest.approx(np.log(2))
    scores[0, FINDINGS.index("any")] = 0.75
    assert rsna_log_loss(labels, scores, once, FINDINGS)[0] == pytest.approx((5 * np.log(2) + 2 * np.log(4)) / 7)


def test_the_rsna_loss_is_scikit_learns_over_all_entries():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, (40, 6)).astype(float), rng.random((40, 6))
    weigh = np.tile([1, 1, 1, 1, 1, 2], 40)
    found = rsna_log_loss(labels, scores, np.ones((1, 40), dtype=np.int64), FINDINGS)
    assert found[0] == pytest.approx(sk.log_loss(labels.ravel(), scores.ravel(), sample_weight=weigh))


def test_the_clip_bounds_what_a_sure_and_wrong_answer_costs():
    labels, scores, once = np.ones((1, 6)), np.zeros((1, 6)), np.ones((1, 1), dtype=np.int64)
    assert rsna_log_loss(labels, scores, once, FINDINGS, clip=0.01)[0] == pytest.approx(-np.log(0.01))


def test_the_findings_are_those_of_the_reader():
    assert set(WEIGHTS) == set(FINDINGS)


def test_the_rsna_findings_have_the_challenges_loss():
    labels = np.zeros((10, 6))
    section = ask(groups_section, cohort_of(labels, [np.full((10, 6), 0.5)], findings=FINDINGS), resamples=100, seed=0)
    assert section is not None
    assert section.sheets[0].rows[0][1] == "0.693 [0.693, 0.693]"
    assert "1e-15" in section.notes[0]
    assert section.plots == ()


def test_the_challenge_is_not_scored_on_another_data_set():
    labels = np.random.default_rng(0).integers(0, 2, (40, 6)).astype(float)
    cohort = cohort_of(labels, [labels], findings=FINDINGS)
    for reader, scored in ((None, True), ("rsna_ich", True), ("phantom", False)):
        section = ask(groups_section, replace(cohort, origins=(Origin("run", reader),)), resamples=10, seed=0)
        assert (section is not None) == scored
