"""Which traits can be compared."""

from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.sections.subgroups.gaps import comparable_traits

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
