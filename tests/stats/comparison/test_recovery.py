"""Shares of a gap and explained variance, against what a person can work out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mmdx.stats.comparison.compare import compare
from mmdx.stats.comparison.recovery import gap_share, recovered, variance_explained
from mmdx.stats.resampling.intervals import Estimate

GAP = Estimate(0.2, 0.1, 0.3, 100)


def test_the_share_by_hand():
    """From .70 to .90, a model at .78 recovers .08 of .20; in every resample here, whatever its level."""
    level = np.linspace(-0.05, 0.05, 100)
    share = gap_share(0.78, 0.78 + level, (0.70, 0.70 + level), (0.90, 0.90 + level), GAP)
    assert share.value == pytest.approx(0.4)
    assert (share.low, share.high) == pytest.approx((0.4, 0.4))
    assert share.refused is None


def test_resamples_without_a_gap_define_no_share():
    resampled = np.full(100, 0.8)
    superior = np.where(np.arange(100) < 10, 0.7, 0.9)
    share = gap_share(0.8, resampled, (0.7, np.full(100, 0.7)), (0.9, superior), GAP)
    assert (share.value, share.usable) == (pytest.approx(0.5), 90)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (Estimate(0.2, -0.01, 0.4, 100), "the gap is 0.200 (-0.010 to 0.400), which is not shown to be above 0"),
        (
            Estimate(0.2, None, None, 100, "2 patients with the finding, and 5 are needed"),
            "2 patients with the finding",
        ),
    ],
)
def test_a_gap_that_is_not_shown_gives_no_interval(gap, said):
    level = np.linspace(-0.05, 0.05, 100)
    share = gap_share(0.78, 0.78 + level, (0.70, 0.70 + level), (0.90, 0.90 + level), gap)
    assert share.value == pytest.approx(0.4)
    assert share.low is None
    assert share.refused is not None
    assert share.refused.startswith(said)


def test_shares_of_prediction_files(write_run):
    names = {"superior": 0.5, "inferior": 12.0, "same": 12.0, "middle": 3.0}
    runs = [write_run(name, {"ct": breadth}, patients=80) for name, breadth in names.items()]
    comparison = compare(runs, resamples=300)
    recovery = recovered(runs, comparison)
    values = {arm: comparison.estimates[arm, "auroc", None].value for arm in names}
    whole = values["superior"] - values["inferior"]
    assert recovery.gap.value == pytest.approx(whole)
    assert list(recovery.shares) == ["same", "middle"]
    same, middle = recovery.shares["same"], recovery.shares["middle"]
    assert (same.value, same.low, same.high) == pytest.approx((0.0, 0.0, 0.0))
    assert middle.value == pytest.approx((values["middle"] - values["inferior"]) / whole)
    assert middle.low is not None
    assert middle.high is not None
    assert 0 < middle.low < middle.value < middle.high
    assert json.loads(json.dumps(recovery.to_json()))["shares"]["middle"]["value"] == pytest.approx(middle.value)


def test_variance_explained_by_hand():
    """Errors of 1 where the trivial answer leaves 4: a quarter is left."""
    found = variance_explained(np.ones(50), np.full(50, 4.0), np.arange(50), resamples=100)
    assert (found.value, found.low, found.high) == (0.75, 0.75, 0.75)


def test_a_trivial_answer_without_error_leaves_nothing_to_explain():
    found = variance_explained(np.ones(50), np.zeros(50), np.arange(50), resamples=100)
    assert math.isnan(found.value)
    assert found.refused == "the value is undefined"


def test_with_a_primary_finding_its_gap_is_shared(write_run):
    runs = [write_run(name, {"ct": breadth}, patients=80) for name, breadth in (("superior", 0.5), ("inferior", 12.0))]
    for run in runs:
        (run / "config.yaml").write_text("data: {primary: fracture}")
    comparison = compare(runs, resamples=200)
    recovery = recovered(runs, comparison)
    assert recovery.gap == comparison.differences["inferior", "auroc", "fracture"].estimate
    assert recovery.to_json()["finding"] == "fracture"
