import dataclasses

import pytest

from mmdx.errors import UsageError
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.claims import claims, leading_claims, notes
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference


def with_numbers(comparison: Comparison, difference: Difference) -> Comparison:
    """The comparison with AUROC 0.91 against 0.84 and a given difference."""
    estimates = {
        ("ct+report", "auroc", None): Estimate(0.91, 0.88, 0.94, 200),
        ("ct", "auroc", None): Estimate(0.84, 0.8, 0.88, 200),
    }
    differences = {("ct", "auroc", None): difference}
    return dataclasses.replace(comparison, estimates=estimates, differences=differences)


@pytest.fixture
def comparison(write_run) -> Comparison:
    return compare([write_run("fused", {"ct+report": 1.0, "ct": 2.0})], resamples=100)


def test_a_shown_difference(comparison):
    assert claims(with_numbers(comparison, Difference(Estimate(0.07, 0.03, 0.11, 200), 0.002))) == [
        "With ct+report the macro AUROC is 0.910; with ct alone 0.840: a difference of 0.070 "
        "(95 % interval 0.030 to 0.110, p = 0.002, 40 patients).",
        "A difference was shown: the interval leaves out zero, in favour of ct+report over ct.",
    ]


def test_an_interval_with_zero_shows_no_difference(comparison):
    sentences = claims(with_numbers(comparison, Difference(Estimate(0.07, -0.01, 0.11, 200), 0.08)))
    assert sentences[1].startswith("No difference was shown: the interval includes zero")


def test_the_better_model_is_named_whichever_it_is(comparison):
    sentences = claims(with_numbers(comparison, Difference(Estimate(-0.07, -0.11, -0.03, 200), 0.0009)))
    assert "a difference of -0.070 (95 % interval -0.110 to -0.030, p < 0.001" in sentences[0]
    assert "in favour of ct over ct+report" in sentences[1]


def test_no_interval_no_difference(comparison):
    sentences = claims(with_numbers(comparison, Difference(Estimate(0.07, None, None, 200, "too few"), None)))
    assert sentences[0].endswith("a difference of 0.070 (40 patients).")
    assert sentences[1] == "No difference was shown: no interval can be given (too few)."


def test_one_arm_alone_and_one_finding_by_name(write_run):
    run = write_run("fused", {"ct": 1.0}, findings=("bleed",))
    (sentence,) = claims(compare([run], resamples=100))
    assert sentence.startswith("With ct the AUROC for bleed is ")
    assert sentence.endswith(", 40 patients).")


def test_an_undefined_auroc_is_not_claimed(write_run):
    run = write_run("fused", {"ct": 1.0, "ct+report": 1.0}, findings=("bleed",), constant={"bleed": 0})
    comparison = compare([run], resamples=100)
    assert claims(comparison) == ["The macro AUROC is undefined: no finding has labels of both classes."]
    assert claims(comparison, finding="bleed") == ["The AUROC for bleed is undefined: no known label is positive."]


def test_notes_name_what_was_left_out_and_unknown(write_run):
    run = write_run(
        "fused", {"ct": 1.0, "ct+report": 1.0, "report": 1.0}, findings=("bleed", "edema"), constant={"edema": ""}
    )
    lines = notes(compare([run], resamples=100, seed=3))
    assert "Left out of the macro means: edema (no label is known)." in lines
    assert "Labels unknown and not scored, of 40 studies: edema 40." in lines
    assert "The p-values are corrected for 2 comparisons (Holm); the intervals are not." in lines
    assert lines[-1] == "Intervals are 95 % percentile intervals over 100 resamples of patients (seed 3)."


def test_notes_count_dropped_resamples_and_doubt_an_interval_without_width(write_run):
    comparison = compare([write_run("fused", {"ct": 0.0}, patients=40)], resamples=100)
    assert any(line.startswith("An AUROC that no resample can change") for line in notes(comparison))
    estimates = {("ct", "auroc", None): Estimate(0.9, 0.8, 0.95, 93)}
    lines = notes(dataclasses.replace(comparison, estimates=estimates))
    assert any(line.startswith("7 of 100 resamples lacked a class") for line in lines)


def test_an_unknown_finding_is_refused(comparison):
    with pytest.raises(UsageError, match="no finding 'bled' in the predictions; did you mean 'bleed'"):
        claims(comparison, finding="bled")


def test_of_many_arms_one_sentence_tells_of_all_that_are_alike(write_run):
    shown = {"ct+report": 0.2, "ct": 1.0, "report": 1.0, "labs": 1.0}
    comparison = compare([write_run("fused", shown)], resamples=100)
    values = {"ct+report": 0.8, "ct": 0.7, "report": 0.85, "labs": 0.79}
    estimates = {(name, "auroc", None): Estimate(value, 0.5, 0.9, 100) for name, value in values.items()}
    differences = {
        ("ct", "auroc", None): Difference(Estimate(0.1, 0.05, 0.15, 100), 0.01),
        ("report", "auroc", None): Difference(Estimate(-0.05, -0.09, -0.01, 100), 0.02),
        ("labs", "auroc", None): Difference(Estimate(0.01, -0.05, 0.07, 100), 0.8),
    }
    assert claims(dataclasses.replace(comparison, estimates=estimates, differences=differences)) == [
        "ct+report (macro AUROC 0.800, 40 patients) was shown to be better than ct (0.700; difference 0.100, 95 % "
        "interval 0.050 to 0.150, p = 0.010), and worse than report (0.850; difference -0.050, 95 % interval -0.090 to "
        "-0.010, p = 0.020).",
        "No difference was shown to labs (0.790; difference 0.010, 95 % interval -0.050 to 0.070, p = 0.800), which "
        "does not prove them equal.",
    ]


def test_many_arms_without_an_interval_give_the_reason_once(write_run):
    comparison = compare([write_run("fused", dict.fromkeys(("a+b+c", "a", "b", "c"), 1.0), patients=5)], resamples=100)
    values, reason = claims(comparison)
    assert values.startswith("Macro AUROC: a+b+c ")
    assert reason == (
        "No difference was shown: no interval can be given (bleed: 2 patients with the finding, and 3 are needed)."
    )


def test_the_primary_finding_leads_and_the_macro_mean_follows(comparison):
    led = dataclasses.replace(comparison, primary_finding="fracture")
    assert led.leads == ("fracture", None)
    assert leading_claims(led) == [*claims(led, finding="fracture"), *claims(led)]
    assert leading_claims(comparison) == claims(comparison)
    assert led.leads[:1] == dataclasses.replace(led, findings=led.findings[1:]).leads


def test_the_notes_say_what_is_primary_and_what_is_secondary(comparison):
    led = dataclasses.replace(comparison, primary_finding="fracture")
    assert "fracture is the primary finding: its p-values are those of one comparison, and not corrected." in notes(led)
    assert "Secondary: bleed, whose p-values are not corrected; no interval is corrected." in notes(led)
    several = dataclasses.replace(led, arms=(*led.arms, dataclasses.replace(led.arms[1], name="mr")))
    several = dataclasses.replace(
        several,
        estimates=led.estimates
        | {("mr", metric, finding): value for (arm, metric, finding), value in led.estimates.items() if arm == "ct"},
    )
    text = " ".join(notes(several))
    assert "fracture is the primary finding: its p-values are corrected for 2 comparisons (Holm)." in text
    assert "bleed, whose p-values are corrected for up to 2 comparisons among themselves (Holm)" in text
