"""What stands above a comparison: baselines and audits."""

import dataclasses
import json

import pytest

from mmdx.errors import DataError
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.headlines import audit_lines, headlines
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference


@pytest.fixture
def with_baselines(write_run) -> Comparison:
    run, other = write_run("fused", {"ct+report": 1.0}), write_run("other", {"constant": 50.0, "TF-IDF report": 1.0})
    (other / "predictions" / "test.csv").rename(run / "predictions" / "test_baselines.csv")
    return compare([run], resamples=100)


def baseline_sentence(comparison: Comparison, text: Difference, constant: Difference) -> str:
    values = {"ct+report": 0.81, "constant": 0.5, "TF-IDF report": 0.82}
    estimates = {(name, "auroc", None): Estimate(value, 0.4, 0.9, 100) for name, value in values.items()}
    differences = {
        (name, "auroc", finding): difference
        for name, difference in {"constant": constant, "TF-IDF report": text}.items()
        for finding in (None, "bleed", "fracture")
    }
    differences["TF-IDF report", "auroc", "fracture"] = Difference(Estimate(0.01, -0.02, 0.04, 100), 0.6)
    changed = dataclasses.replace(comparison, estimates=estimates, differences=differences, audits={"fused": "no leak"})
    return headlines(changed)


def test_a_model_that_does_not_beat_a_baseline_says_so_first(with_baselines):
    shown, not_shown = (
        Difference(Estimate(0.31, 0.2, 0.4, 100), 0.01),
        Difference(Estimate(-0.01, -0.05, 0.04, 100), 0.7),
    )
    assert baseline_sentence(with_baselines, not_shown, shown) == [
        "ct+report (macro AUROC 0.810) is not shown to beat TF-IDF report (0.820; difference -0.010, 95 % interval "
        "-0.050 to 0.040, p = 0.700).",
        "Audit: no leak.",
    ]
    assert baseline_sentence(with_baselines, shown, shown)[0] == (
        "ct+report (macro AUROC 0.810) beats every baseline: constant 0.500, TF-IDF report 0.820. Finding by finding "
        "it was shown to be better (p after Holm) on 2 of 2 against constant; on 1 of 2 against TF-IDF report."
    )


def test_a_baseline_that_is_better_is_not_beaten(with_baselines):
    better, worse = Difference(Estimate(0.31, 0.2, 0.4, 100), 0.01), Difference(Estimate(-0.2, -0.3, -0.1, 100), 0.01)
    assert (
        "is worse than TF-IDF report (0.820; difference -0.200" in baseline_sentence(with_baselines, worse, better)[0]
    )


def test_a_refused_interval_beats_nothing(with_baselines):
    refused, shown = (
        Difference(Estimate(0.3, None, None, 0, "3 patients"), None),
        Difference(Estimate(0.3, 0.2, 0.4, 100), 0.01),
    )
    assert "(0.820; no interval: 3 patients)" in baseline_sentence(with_baselines, refused, shown)[0]


def test_runs_of_different_verdicts_are_told_apart(write_run):
    runs = [write_run(name, {"ct": 0.5}, seed=i) for i, name in enumerate(("a", "b"))]
    for run, verdict in zip(runs, ("no leak", "patients leak"), strict=True):
        (run / "audit.json").write_text(json.dumps({"verdict": verdict}))
    assert audit_lines(compare(runs, resamples=100)) == ["Audit of a: no leak.", "Audit of b: patients leak."]
    (runs[0] / "audit.json").write_text("[]")
    with pytest.raises(DataError, match=r"audit\.json: is no audit"):
        compare(runs, resamples=100)


def test_baselines_are_held_against_the_primary_finding(write_run):
    run = write_run("fused", {"ct": 1.0})
    write_run("plain", {"constant": 40.0})
    (run.parent / "plain" / "predictions" / "test.csv").rename(run / "predictions" / "test_baselines.csv")
    (run / "config.yaml").write_text("data: {primary: fracture}")
    (line,) = headlines(compare([run], resamples=100))
    assert line.startswith("ct (AUROC for fracture ")
