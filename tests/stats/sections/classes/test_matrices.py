"""Confusion matrices of a group of classes."""

import numpy as np
from scored import cohort_of

from mmdx.stats.report.plots import svg
from mmdx.stats.sections.classes.matrices import matrices_plot


def test_rows_are_counted_by_true_and_given_class():
    """Three rows of A and one of B; the model says A of two of the three, and of B nothing but B."""
    labels = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    plot = matrices_plot(cohort_of(labels, [scores], findings=("X/A", "X/B")), 1, "X y", ["X/A", "X/B"])
    assert plot.name == "confusion_1_X_y"
    assert plot.numbers["rows"].tolist() == [2, 1, 0, 1]
    assert "given by arm0" in svg(plot)
