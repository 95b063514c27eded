"""Measures of calibration from sums over rows, and what scaling leaves as it is."""

import numpy as np
import pytest
from scored import cohort_of, scores_for

from mmdx.stats.metrics.calibration import calibration_error
from mmdx.stats.metrics.registry import auroc, brier, log_loss
from mmdx.stats.sections.reliability.measures import row_columns, scaled_scores, scores_of

LABELS = np.stack([np.arange(80) % 2, np.arange(80) % 4 == 0], axis=1).astype(float)
ONCE = np.ones((1, 80), dtype=np.int32)


def test_sums_of_rows_make_the_metrics_of_a_resample():
    cohort = cohort_of(LABELS, scores_for(LABELS, [2.0]))
    rows = scores_of(cohort, cohort.scores, 0, 0, scaled=False)
    weights = np.random.default_rng(0).integers(0, 3, (5, 80)).astype(np.int32)
    sums = weights @ row_columns(rows)
    assert sums[:, 1] / sums[:, 0] == pytest.approx(log_loss(rows.labels, rows.scores, weights))
    assert sums[:, 2] / sums[:, 0] == pytest.approx(brier(rows.labels, rows.scores, weights))
    error = np.abs(sums[:, 3:]).sum(axis=1) / sums[:, 0]
    assert error == pytest.approx(calibration_error(rows.labels, rows.scores, weights))


def test_scaling_moves_no_rank():
    scores = scores_for(LABELS, [2.0])
    scaled = scaled_scores(cohort_of(LABELS, scores, temperature=3.0))[0]
    assert auroc(LABELS[:, 0], scaled[:, 0], ONCE) == auroc(LABELS[:, 0], scores[0][:, 0], ONCE)
    assert not np.allclose(scaled, scores[0])
