import json
import math

import numpy as np
import pandas as pd
import pytest
from asking import compared
from sklearn.metrics import roc_auc_score

from mmdx.errors import UsageError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.compare import NO_THRESHOLD, compare
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.claims import notes
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import Difference


def test_points_are_those_of_scikit_learn_and_the_macro_mean_is_their_mean(write_run):
    run = write_run("fused", {"ct+report": 3.0, "ct": 6.0})
    comparison, cohort = compare([run], resamples=200), read_cohort([run])
    expected = [roc_auc_score(cohort.labels[:, f], cohort.scores[1, :, f]) for f in range(2)]
    found = [comparison.estimates["ct", "auroc", finding].value for finding in ("bleed", "fracture")]
    assert found == pytest.approx(expected)
    assert comparison.estimates["ct", "auroc", None].value == pytest.approx(np.mean(expected))


def test_the_difference_is_the_reference_minus_the_arm(write_run):
    comparison = compare([write_run("fused", {"ct": 8.0, "ct+report": 0.5}, patients=60)], resamples=300)
    assert comparison.reference.name == "ct+report"
    first, second = (comparison.estimates[name, "auroc", None].value for name in ("ct+report", "ct"))
    found = comparison.differences["ct", "auroc", None]
    assert found.estimate.value == pytest.approx(first - second)
    assert found.shown
    assert found.estimate.low is not None
    assert found.estimate.low > 0
    assert comparison.differences["ct", "log_loss", None].estimate.value < 0
    assert ("ct+report", "auroc", None) not in comparison.differences


def test_the_same_scores_do_not_differ(write_run):
    runs = [write_run(name, {"ct": 3.0}, seed=5) for name in ("a", "b")]
    found = compare(runs, resamples=200).differences["b", "ap", "bleed"]
    assert (found.estimate.value, found.estimate.low, found.estimate.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_intervals_stay_within_bounds_and_the_seed_repeats_them(write_run):
    run = write_run("fused", {"ct+report": 0.3, "ct": 40.0})
    first, again, other = (compare([run], resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first.to_json() == again.to_json()
    assert first.to_json() != other.to_json()
    bounded = [e for (_, metric, _), e in first.estimates.items() if metric in ("auroc", "ap", "brier", "ece")]
    assert all(e.low is not None and e.high is not None and 0 <= e.low <= e.high <= 1 for e in bounded)


def test_a_finding_of_one_class_is_undefined_and_in_no_macro_mean(write_run):
    run = write_run("fused", {"ct": 1.0}, findings=("bleed", "edema", "mass"), constant={"edema": 0, "mass": ""})
    comparison = compare([run], resamples=200)
    assert {count.finding: count.left_out for count in comparison.findings} == {
        "bleed": None,
        "edema": "no known label is positive",
        "mass": "no label is known",
    }
    assert comparison.in_mean == ("bleed",)
    assert math.isnan(comparison.estimates["ct", "auroc", "edema"].value)
    assert comparison.estimates["ct", "brier", "edema"].value > 0
    for metric in ("auroc", "ap", "log_loss", "brier"):
        assert comparison.estimates["ct", metric, None] == comparison.estimates["ct", metric, "bleed"]


def test_unknown_labels_are_counted_and_touch_nothing(write_run):
    run = write_run("fused", {"ct": 1.0})
    path = run / "predictions" / "test.csv"
    before = compare([run], resamples=200).estimates["ct", "auroc", "fracture"].value
    with path.open("a", encoding="utf-8") as file:
        file.write("new,p0,ct,fracture,,0.99\nnew,p0,ct,bleed,,0.99\n")
    after = compare([run], resamples=200)
    count = next(count for count in after.findings if count.finding == "fracture")
    assert (count.known, count.unknown, count.positives, count.patients) == (40, 1, 20, 40)
    assert (after.rows, after.patients) == (41, 40)
    assert after.estimates["ct", "auroc", "fracture"].value == before


def test_few_patients_give_values_without_intervals(write_run):
    comparison = compare([write_run("fused", {"ct+report": 1.0, "ct": 1.0}, patients=8)], resamples=200)
    alone, mean = comparison.estimates["ct", "auroc", "bleed"], comparison.estimates["ct", "auroc", None]
    assert alone.refused == "4 patients with the finding, and 5 are needed"
    assert (alone.low, alone.high) == (None, None)
    assert mean.refused is None
    assert comparison.differences["ct", "auroc", "bleed"].p is None


def test_a_mean_names_the_finding_that_forbids_its_interval(write_run):
    comparison = compare([write_run("fused", {"ct": 1.0}, patients=5)], resamples=200)
    assert comparison.estimates["ct", "auroc", None].refused == "bleed: 2 patients with the finding, and 3 are needed"


def test_a_rare_finding_takes_no_interval_from_the_mean_of_the_others(write_run):
    run = write_run("fused", {"ct+report": 1.0, "ct": 2.0}, findings=("bleed", "fracture", "icu"))
    path = run / "predictions" / "test.csv"
    table = pd.read_csv(path)
    rare = table["finding"] == "icu"
    table.loc[rare, "label"] = (~table.loc[rare, "study_id"].isin(["s3", "s5"])).astype(int)
    table.to_csv(path, index=False)
    comparison = compare([run], resamples=200)
    assert comparison.in_mean == ("bleed", "fracture")
    assert comparison.estimates["ct", "auroc", None].refused is None
    assert comparison.differences["ct", "auroc", None].p is not None
    assert comparison.estimates["ct", "auroc", "icu"].refused == "2 patients without the finding, and 5 are needed"
    said = "Left out of the macro means: icu (2 patients without the finding, and 3 are needed)."
    assert said in notes(comparison)


def test_the_json_is_plain_and_complete(write_run):
    run = write_run("fused", {"ct+report": 1.0, "ct": 2.0}, findings=("bleed", "edema"), constant={"edema": 1})
    comparison = compare([run], resamples=200)
    record = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert record["reference"] == "ct+report"
    assert record["macro_findings"] == ["bleed"]
    assert len(record["estimates"]) == 2 * 3 * len(METRICS)
    assert len(record["means"]) == 2 * 2 * len(METRICS)
    assert len(record["differences"]) == 3 * (len(METRICS) - 2)  # a calibration slope is not the better for being large
    undefined = [e for e in record["estimates"] if e["finding"] == "edema" and e["metric"] == "auroc"]
    assert [e["value"] for e in undefined] == [None, None]
    assert undefined[0]["refused"] == "0 patients without the finding, and 5 are needed"


def test_too_few_resamples_are_refused(write_run):
    with pytest.raises(UsageError, match="20 resamples"):
        compare([write_run("fused", {"ct": 1.0})], resamples=20)


def test_one_of_several_comparisons_is_corrected(write_run):
    """Three arms: of two macro differences the smaller p-value counts twice; of findings all four are one family."""
    comparison = compare([write_run("fused", {"ct+report": 0.3, "ct": 0.9, "report": 0.8})], resamples=400)
    macro = [comparison.differences[arm, "auroc", None] for arm in ("ct", "report")]
    small, large = sorted(macro, key=lambda found: found.p)
    assert small.corrected == pytest.approx(min(1.0, 2 * small.p))
    assert large.corrected == pytest.approx(max(small.corrected, large.p))
    found = [d for (_, metric, finding), d in comparison.differences.items() if metric == "auroc" and finding]
    smallest = min((d for d in found if d.p is not None), key=lambda d: d.p)
    made = sum(d.p is not None for d in found)
    assert smallest.corrected == pytest.approx(min(1.0, made * smallest.p))


def test_delong_by_patient_stands_beside_the_bootstrap(write_run):
    run = write_run("fused", {"ct+report": 0.3, "ct": 0.9})
    comparison = compare([run], resamples=400)
    cohort = read_cohort([run])
    for f, finding in enumerate(cohort.findings):
        difference = comparison.differences["ct", "auroc", finding]
        if difference.p is None:
            assert difference.delong is None
            continue
        known = ~np.isnan(cohort.labels[:, f])
        patients = np.unique(cohort.patients[known], return_inverse=True)[1]
        expected = delong_test(
            cohort.labels[known, f], cohort.scores[0, known, f], cohort.scores[1, known, f], patients
        )
        assert difference.delong == pytest.approx(expected.p)
    assert comparison.differences["ct", "auroc", None].delong is None


def test_what_correction_takes_away_is_not_shown():
    estimate = Estimate(0.05, 0.01, 0.09, 400)
    assert Difference(estimate, 0.03).shown
    alone = Difference(estimate, 0.03, corrected=0.06)
    assert (alone.leaves_out_zero, alone.shown, alone.stated) == (True, False, 0.06)


def test_trainings_of_one_config_are_one_arm(write_run):
    """The value is the mean over seeds; the paired difference is that of the means."""
    runs = [write_run(f"{name}-{seed}", {"ct": 2.0}, seed=seed) for name in ("a", "b") for seed in (1, 2)]
    found = compared(read_cohort(runs, configs=["a", "a", "b", "b"]), resamples=200)
    each = [compare([run], resamples=200).estimates["ct", "auroc", None].value for run in runs]
    assert found.estimates["a", "auroc", None].value == pytest.approx(np.mean(each[:2]))
    assert found.differences["b", "auroc", None].estimate.value == pytest.approx(np.mean(each[:2]) - np.mean(each[2:]))
    assert [arm.seeds for arm in found.arms] == [2, 2]
    assert found.differences["b", "auroc", "bleed"].delong is None


def test_baselines_are_corrected_among_themselves_and_come_last(write_run):
    run, other = write_run("fused", {"ct+report": 0.3, "ct": 0.6}), write_run("b", {"constant": 50.0, "metadata": 50.0})
    (other / "predictions" / "test.csv").rename(run / "predictions" / "test_baselines.csv")
    found = compare([run], resamples=400)
    assert [arm.name for arm in found.models] == ["ct+report", "ct"]
    assert [arm.name for arm in found.baselines] == ["constant", "metadata"]
    macro = {name: found.differences[name, "auroc", None] for name in ("ct", "constant", "metadata")}
    assert macro["ct"].corrected is None
    smaller = min(macro["constant"].p, macro["metadata"].p)
    assert min(macro["constant"].corrected, macro["metadata"].corrected) == pytest.approx(min(1.0, 2 * smaller))


def test_bca_intervals_go_with_their_own_p_values(write_run):
    run = write_run("fused", {"ct+report": 0.8, "ct": 3.0}, patients=60)
    percentile, bca = (compare([run], resamples=400, intervals=kind) for kind in ("percentile", "bca"))
    key = ("ct", "auroc", None)
    assert bca.estimates["ct", "auroc", None].value == percentile.estimates["ct", "auroc", None].value
    assert bca.estimates != percentile.estimates
    methods = [comparison.to_json()["method"] for comparison in (percentile, bca)]
    assert [(method["intervals"], method["p"]) for method in methods] == [
        ("patient bootstrap, percentile", "inversion of the percentile interval"),
        ("patient bootstrap, bca", "inversion of the BCa interval"),
    ]
    for found in bca.differences.values():
        if found.p is not None and found.corrected is None:
            # Bounds are order statistics, the p-value is of a share: they may part by a resample.
            assert found.leaves_out_zero == (found.p <= 0.05) or found.p == pytest.approx(0.05, abs=0.01)
    assert bca.differences[key].shown


def test_a_threshold_needs_validation_rows(write_run):
    run = write_run("fused", {"ct": 1.0})
    found = compare([run], resamples=100).estimates["ct", "f1", "bleed"]
    assert (math.isnan(found.value), found.refused) == (True, NO_THRESHOLD)
    rows = [
        f"v{i},v{i},ct,{finding},{i % 2},{0.9 if i % 2 else 0.1}"
        for i in range(12)
        for finding in ("bleed", "fracture")
    ]
    header = "study_id,patient_id,shown,finding,label,score"
    (run / "predictions" / "val.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    found = compare([run], resamples=100).estimates["ct", "f1", "bleed"]
    assert found.value > 0.5
    assert found.refused is None


def test_a_rare_class_is_a_stratum(write_run):
    common, rare = (
        write_run("a", {"ct": 1.0}),
        write_run("b", {"ct": 1.0}, patients=64, findings=("bleed", "x", "rare")),
    )
    path = rare / "predictions" / "test.csv"
    table = pd.read_csv(path)
    table.loc[table["finding"] == "rare", "label"] = (table["study_id"].str[1:].astype(int) < 4).astype(int)
    table.to_csv(path, index=False)
    assert compare([rare], resamples=100).strata == 2
    assert compare([common], resamples=100).strata == 1


def test_the_interval_of_a_calibration_error_holds_the_error(write_run):
    found = compare([write_run("fused", {"ct": 1.0}, patients=60)], resamples=200).estimates["ct", "ece", "bleed"]
    assert found.low is not None
    assert found.low <= found.value <= found.high
