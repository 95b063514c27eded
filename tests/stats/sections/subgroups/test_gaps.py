"""Which traits can be compared."""

import numpy as np
from arms_by_hand import cohort_of, crossed, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.subgroups.gaps import comparable_traits, find_gaps, score_subgroups

LABELS = halves(60)


def traits_of(**traits):
    return comparable_traits(cohort_of(LABELS, {"image": noisy(LABELS, 2.0)}, traits=traits), list(traits))


def test_two_groups_with_both_classes_are_compared_on_all_findings():
    (trait,), notes = traits_of(sex=["f"] * 30 + ["m"] * 30)
    assert (trait.name, list(trait.groups), trait.findings) == ("sex", ["f", "m"], (0, 1))
    assert notes == []


def test_one_group_is_not_compared_and_the_reason_is_named():
    traits, notes = traits_of(sex=["f"] * 60)
    assert traits == []
    assert notes == ["sex: not compared, for want of two groups of 10 patients with both classes."]


def test_a_shift_of_a_fold_is_no_difference_within_groups():
    """Shifted from fold to fold, scores have the same AUROC in every group, and the gap the same p-value."""
    labels = halves(80, 1)
    sex = np.array(["f", "m"])[np.arange(80) // 2 % 2]
    folds, scores = np.arange(80) // 8 % 2, noisy(labels, 3.0) / 2
    found = []
    for shift in (0.0, 0.5):
        cohort = cohort_of(labels, {"image": scores + shift * folds[:, None]}, traits={"sex": list(sex)})
        cohort = crossed(cohort, folds)
        traits, _ = comparable_traits(cohort, ["sex"])
        subgroups = score_subgroups(cohort, traits, Resampler.of(cohort, resamples=100, seed=0))
        (gap,) = find_gaps(cohort, traits, subgroups, seed=0)
        found.append((gap.size, gap.p, gap.best.reference.estimate))
    assert found[0] == found[1]
