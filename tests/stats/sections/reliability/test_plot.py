"""Reliability curves: bins of equal count, by hand."""

import numpy as np
import pytest
from scored import cohort_of

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.plots import svg
from mmdx.stats.sections.reliability.plot import reliability_plot


def test_rows_of_one_score_share_a_bin_with_their_share_of_positives():
    """Of twenty rows scored 0.2 five are positive, of twenty scored 0.8 fifteen."""
    scores = np.repeat([0.2, 0.8], 20)[:, None]
    labels = np.array([1.0] * 5 + [0.0] * 15 + [1.0] * 15 + [0.0] * 5)[:, None]
    cohort = cohort_of(labels, [scores])
    plot = reliability_plot(cohort, [0], cohort.scores, Resampler.of(cohort, resamples=50, seed=0), scaled=False)
    assert plot.numbers["mean_score"].tolist() == pytest.approx([0.2, 0.8])
    assert plot.numbers["share_positive"].tolist() == pytest.approx([0.25, 0.75])
    assert plot.numbers["rows"].tolist() == [20, 20]
    assert svg(plot).startswith("<svg")
