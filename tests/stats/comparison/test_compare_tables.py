"""Tables of predictions in memory are compared like files, by the same rules."""

import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError, UsageError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.compare import compare, compare_cohort
from mmdx.stats.comparison.resampler import Resampler


@pytest.fixture
def runs(write_run):
    return [write_run(name, {"ct": breadth}, seed=seed) for name, breadth, seed in (("a", 0.5, 1), ("b", 2.0, 2))]


def read(run):
    return pd.read_csv(run / "predictions" / "test.csv")


def test_tables_give_what_their_files_give(runs):
    from_files = compare(runs, resamples=200)
    from_tables = compare({run.name: read(run) for run in runs}, resamples=200)
    pd.testing.assert_frame_equal(from_tables.frame(), from_files.frame())
    pd.testing.assert_frame_equal(from_tables.differences_frame(), from_files.differences_frame())
    assert [arm.source for arm in from_tables.arms] == ["table 'a'", "table 'b'"]


def test_a_table_and_a_run_can_stand_side_by_side(runs):
    comparison = compare([runs[0], read(runs[1])], resamples=200)
    assert [arm.name for arm in comparison.arms] == ["a", "table 2"]


def test_a_table_without_shown_is_one_arm_of_the_given_name(runs):
    tables = {name: read(run).drop(columns="shown") for name, run in zip(("fused", "image"), runs, strict=True)}
    assert [arm.name for arm in compare(tables, resamples=200).arms] == ["fused", "image"]


def test_numbers_serve_as_identifiers_and_unknown_labels_are_nan(runs):
    table = read(runs[0]).assign(
        study_id=lambda frame: frame["study_id"].str[1:].astype(int),
        patient_id=lambda frame: frame["patient_id"].str[1:].astype(int),
        label=lambda frame: frame["label"].where(frame.index != 3, np.nan),
    )
    comparison = compare([table], resamples=200)
    assert (comparison.rows, comparison.findings[0].unknown) == (40, 1)


def test_faults_name_the_table_and_the_row(runs):
    bad = read(runs[1])
    bad.loc[6, "score"] = 1.5
    with pytest.raises(DataError, match=r"^table 2, row 7: score is '1.5'; give a number from 0 to 1$"):
        compare([read(runs[0]), bad], resamples=200)


def test_all_missing_columns_are_told_at_once(runs):
    with pytest.raises(DataError, match=r"^table 'a': no columns patient_id, label; its columns are: study_id, f"):
        compare({"a": read(runs[0]).drop(columns=["patient_id", "label", "shown"])}, resamples=200)
    with pytest.raises(DataError, match=r"^table 1: no column shown; .*or give tables by name"):
        compare([read(runs[0]).drop(columns="shown")], resamples=200)
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([], resamples=200)


def test_estimates_and_differences_are_tidy_tables(runs):
    comparison = compare(runs, resamples=200)
    frame = comparison.frame()
    row = frame[(frame["arm"] == "a") & (frame["metric"] == "auroc") & (frame["mean"] == "macro")].iloc[0]
    expected = comparison.estimates["a", "auroc", None]
    assert (row["value"], row["low"], row["high"]) == (expected.value, expected.low, expected.high)
    assert len(frame) == len(comparison.estimates) + len(comparison.means)
    assert set(frame["mean"].dropna()) == {"macro", "micro", "weighted"}
    differences = comparison.differences_frame().set_index(["arm", "metric", "finding"])
    assert differences.loc[("b", "auroc", "bleed"), "p"] == comparison.differences["b", "auroc", "bleed"].p


@pytest.mark.parametrize(("primary", "counting"), [(None, "DX/malignant"), ("DX/benign", "DX/benign")])
def test_a_group_of_two_classes_counts_once_in_means_and_their_resamples(runs, primary, counting):
    """Fractures stay; bleeding becomes malignant or benign, mirror images of each other."""
    tables = []
    for run in runs:
        table = read(run)
        malignant = table.loc[table["finding"] == "bleed"].assign(finding="DX/malignant")
        benign = malignant.assign(finding="DX/benign", label=1 - malignant["label"], score=1 - malignant["score"])
        tables.append(pd.concat([benign, malignant, table.loc[table["finding"] == "fracture"]]))
    plain = compare([read(run) for run in runs], resamples=200)
    inputs = dict(zip(("table 1", "table 2"), tables, strict=True))
    cohort = read_cohort(inputs, primary=primary)
    paired = compare_cohort(cohort, Resampler.of(cohort, resamples=200, seed=0))
    assert paired.in_mean == (counting, "fracture")
    assert list(paired.complements.values()) == [counting]
    for arm in ("table 1", "table 2"):
        ours, theirs = (c.estimates[arm, "auroc", None] for c in (paired, plain))
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))
    assert paired.differences["table 2", "auroc", None].p == plain.differences["table 2", "auroc", None].p
    stated = [paired.differences["table 2", "auroc", finding].corrected for finding in ("DX/benign", "DX/malignant")]
    expected = plain.differences["table 2", "auroc", "bleed"]
    assert stated == ([expected.corrected] * 2 if primary is None else [expected.p] * 2)


def test_a_comparison_says_its_primary_finding_and_families(runs):
    cohort = read_cohort(runs, primary="fracture")
    content = compare_cohort(cohort, Resampler.of(cohort, resamples=200, seed=0)).to_json()
    assert content["primary_finding"] == "fracture"
    assert "for the primary finding (fracture)" in content["method"]["p_holm"]
    assert {d["finding"]: d["p_holm"] for d in content["differences"] if d["metric"] == "auroc"} == {
        "bleed": None,
        "fracture": None,
        None: None,
    }
