"""What the curves of net benefit show."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.plots import picture
from mmdx.stats.sections.decisions.benefit import GRID, finding_rows
from mmdx.stats.sections.decisions.plot import benefit_curves, benefit_plot


def test_curves_and_their_bands_for_each_finding_and_model():
    labels = halves(100)
    cohort = cohort_of(labels, {"a": noisy(labels, 1.0), "b": noisy(labels, 4.0)})
    rows = [finding_rows(cohort, f) for f in (1, 0)]
    curves = benefit_curves(cohort, rows, Resampler.of(cohort, resamples=60, seed=0))
    assert [(curve.finding, curve.arm) for curve in curves[:4]] == [
        ("fracture", None),
        ("fracture", 0),
        ("fracture", 1),
        ("bleed", None),
    ]
    assert curves[0].values == pytest.approx(0.5 - 0.5 * GRID / (1 - GRID))
    # Bands are pointwise: a value at the end, which few rows reach, may lie on one.
    assert all((curve.low <= curve.high).all() for curve in curves)
    plot = benefit_plot(cohort, curves)
    assert list(plot.alone) == ["fracture", "bleed"]
    assert set(plot.numbers["model"]) == {"all", "a", "b"}
    assert len(plot.numbers) == 6 * 99
    axes = picture(plot).axes
    assert [each.get_title(loc="left") for each in axes] == ["fracture", "bleed"]
    assert axes[0].get_ylim()[1] == pytest.approx(1.1 * max(c.values.max() for c in curves[1:3]), rel=0.2)


def test_no_band_where_too_few_patients_bear_it():
    labels = np.array([[1.0]] * 3 + [[0.0]] * 30)
    cohort = cohort_of(labels, {"a": noisy(labels, 1.0)})
    curves = benefit_curves(cohort, [finding_rows(cohort, 0)], Resampler.of(cohort, resamples=50, seed=0))
    assert all(np.isnan(curve.low).all() for curve in curves)
    picture(benefit_plot(cohort, curves))
