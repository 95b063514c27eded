"""The learning curve, from prediction files by number of training patients."""

from __future__ import annotations

import pandas as pd
import pytest

from mmdx.errors import DataError
from mmdx.stats.comparison.compare import compare
from mmdx.stats.sections.learning import learning_section


def test_values_are_those_of_the_files_and_seeds_are_averaged(write_run):
    runs = {
        50: [write_run("fifty", {"ct": 8.0})],
        200: [write_run(f"two-hundred-{seed}", {"ct+report": 1.0, "ct": 9.0}, seed=seed) for seed in (1, 2)],
    }
    section = learning_section({"fused": runs}, resamples=200, seed=0)
    first, second = section.record[0]["points"]
    assert (first["patients"], first["trainings"], second["patients"], second["trainings"]) == (50, 1, 200, 2)
    alone = [compare([run], resamples=100).estimates["ct+report", "auroc", None].value for run in runs[200]]
    assert second["value"] == pytest.approx(sum(alone) / 2)
    assert section.sheets[0].rows[0][0] == "50"


def test_a_curve_that_still_rises_says_so(write_run):
    runs = {size: [write_run(f"run{size}", {"ct": breadth})] for size, breadth in ((100, 4.0), (25, 30.0), (50, 20.0))}
    sentence = learning_section({"cnn": runs}, resamples=200, seed=0).sentences[0]
    assert sentence.startswith("cnn: from 25 to 100 training patients the macro AUROC goes from 0.")
    assert "; from 50 to 100 it changes by 0." in sentence
    assert sentence.endswith(": it still rises.")


def test_a_curve_that_is_flat_does_not_claim_to_rise(write_run):
    runs = {size: [write_run(f"run{size}", {"ct": 4.0})] for size in (25, 50)}
    sentence = learning_section({"cnn": runs}, resamples=200, seed=0).sentences[0]
    assert sentence.endswith("0.000 (95 % interval 0.000 to 0.000, p = 1.000): whether it still rises was not shown.")


def test_arms_may_have_other_sizes(write_run):
    runs = {
        "a": {25: [write_run("a25", {"ct": 4.0})], 50: [write_run("a50", {"ct": 2.0})]},
        "b": {50: [write_run("b", {"ct": 3.0})]},
    }
    section = learning_section(runs, resamples=100, seed=0)
    assert [row[0] for row in section.sheets[0].rows] == ["25", "50"]
    assert section.sheets[0].rows[0][2] == "–"
    assert section.sentences[1].startswith("b, trained on 50 patients, reaches a macro AUROC of 0.")


def test_rows_in_another_order_are_the_same_rows(write_run):
    runs = {25: [write_run("a", {"ct": 4.0})], 50: [write_run("b", {"ct": 4.0})]}
    path = runs[50][0] / "predictions" / "test.csv"
    pd.read_csv(path).iloc[::-1].sort_values("finding", kind="stable").to_csv(path, index=False)
    first, second = learning_section({"cnn": runs}, resamples=100, seed=0).record[0]["points"]
    assert (first["value"], first["low"]) == (second["value"], second["low"])


def test_other_rows_or_labels_are_refused(write_run):
    first, fewer = write_run("a", {"ct": 4.0}), write_run("b", {"ct": 4.0}, patients=30)
    with pytest.raises(DataError, match="b: scores other rows or findings than the first file"):
        learning_section({"cnn": {25: [first], 50: [fewer]}}, resamples=100, seed=0)
    other = write_run("c", {"ct": 4.0}, constant={"bleed": 0})
    with pytest.raises(DataError, match="c: holds other labels than the first file"):
        learning_section({"cnn": {25: [first], 50: [other]}}, resamples=100, seed=0)


def test_one_class_is_undefined_in_words(write_run):
    constant = {"bleed": 0, "fracture": 1}
    runs = {size: [write_run(f"run{size}", {"ct": 4.0}, constant=constant)] for size in (25, 50)}
    section = learning_section({"cnn": runs}, resamples=100, seed=0)
    assert section.sentences == ("The macro AUROC of cnn is undefined at every number of training patients.",)
    assert section.record[0]["points"][0]["value"] is None


def test_nothing_asked_is_no_section():
    assert learning_section({"cnn": {}}, resamples=100, seed=0) is None
