import pytest

from mmdx.data.phantom.recipe import Recipe
from mmdx.errors import UsageError


def test_every_impossible_value_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Recipe(patients=0, prevalence=1.0, report_likelihood_ratio=0.5, matrix=8, duplicates=1.5)
    lines = caught.value.problems
    assert len(lines) == 5
    assert "phantom: patients is 0; give 1 or more" in lines


def test_not_a_number_is_no_share() -> None:
    with pytest.raises(UsageError, match="missing_report is nan"):
        Recipe(missing_report=float("nan"))


def test_a_cohort_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(UsageError, match="no study would be left"):
        Recipe(missing_image=1.0, missing_enhanced=1.0, missing_report=1.0)


def test_differences_name_the_option_and_both_values() -> None:
    other = Recipe(patients=400).as_json()
    assert Recipe(patients=10).differences(other) == ["patients=400, not 10"]
    assert Recipe(patients=400).differences(other) == []
    assert Recipe(patients=400).differences({**other, "zoom": 2}) == ["zoom=2, not None"]


def test_what_is_no_copy_cannot_be_shared() -> None:
    with pytest.raises(UsageError, match=r"image_separation is 2\.5, above an enhanced_separation of 2\.2"):
        Recipe(strength="shared", image_separation=2.5)
    assert Recipe(strength="shared", image_separation=1.1).copied == pytest.approx(0.5)


def test_cohorts_made_before_strengths_could_be_shared_are_the_same() -> None:
    written = Recipe().as_json()
    assert not {"strength", "image_contrast"} & set(written)
    assert Recipe().differences(written) == []
    assert Recipe(image_contrast=0.5).differences(written) == ["image_contrast=None, not 0.5"]
    assert Recipe(strength="shared").differences(written) == ["strength=None, not shared"]
