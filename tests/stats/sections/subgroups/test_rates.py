"""Error rates of subgroups: by hand, and a gap that is there."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.subgroups.gaps import comparable_traits
from mmdx.stats.sections.subgroups.rates import crossed, find_rate_gaps, score_rates, with_thresholds

LABELS = halves(120, findings=1)
SITES = ["a" if i < 60 else "b" for i in range(120)]
SEXES = ["f" if i // 2 % 2 else "m" for i in range(120)]


def cohort(missed: int = 18, threshold: float = 0.5):
    """Of the 30 positive rows of site b so many are missed; elsewhere every answer is right."""
    scores = 0.1 + 0.8 * LABELS
    ill = [i for i in range(120) if LABELS[i, 0] == 1 and SITES[i] == "b"]
    scores[ill[:missed]] = 0.1
    return cohort_of(LABELS, {"model": scores}, traits={"site": SITES, "sex": SEXES}, threshold=threshold)


def test_rates_by_hand_and_a_gap_that_is_shown():
    made = cohort()
    traits = comparable_traits(made, ["site", "sex"])[0]
    by_trait = score_rates(made, traits, Resampler.of(made, resamples=200, seed=0))
    (first, second), _ = by_trait
    assert (first.name, second.name, second.patients) == ("a", "b", 60)
    assert [first.rates["missed"].value, second.rates["missed"].value] == pytest.approx([0.0, 0.6])
    assert second.rates["alarms"].value == 0.0
    # A temperature of 0.5 makes odds of 1 / 9 and 9 those of 1 / 81 and 81; 18 of 60 have the one, not the other.
    assert second.rates["off"].value == pytest.approx(18 * (81 / 82 - 1 / 82) / 60)
    assert second.rates["missed"].estimate.low < 0.6 < second.rates["missed"].estimate.high
    assert first.rates["missed"].estimate.refused is not None
    gaps = {(gap.trait, gap.rate): gap for gap in find_rate_gaps(made, traits, by_trait, seed=0)}
    assert gaps["site", "missed"].shown
    assert gaps["site", "missed"].size == pytest.approx(0.6)
    assert gaps["site", "missed"].corrected == pytest.approx(6 * gaps["site", "missed"].p)
    assert not gaps["sex", "missed"].shown
    assert not gaps["site", "alarms"].shown


def test_the_first_two_traits_are_crossed_where_groups_are_large_enough():
    made = cohort()
    traits = comparable_traits(made, ["site", "sex"])[0]
    both = crossed(made, traits)
    assert both.name == "site × sex"
    assert list(both.groups) == ["a, f", "a, m", "b, f", "b, m"]
    assert sum(rows.sum() for rows in both.groups.values()) == 120
    assert crossed(made, traits[:1]) is None


def test_findings_without_a_threshold_have_no_rates():
    made = cohort(threshold=np.nan)
    assert with_thresholds(made, comparable_traits(made, ["site"])[0]) == []
