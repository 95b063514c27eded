"""What the head of a comparison names."""

from __future__ import annotations

from datetime import date

from mmdx import __version__
from mmdx.stats.cohort.origins import DataSet, Origin
from mmdx.stats.report.provenance import provenance

TODAY = date(2026, 3, 1)
COMPARED = f"Compared on 2026-03-01 with mmdx {__version__}."


def test_the_head_names_data_set_training_date_and_version():
    run = Origin("phantom-1", "phantom", "phantom", "phantom-06ff", 28, 25, date="2026-02-03", version="0.1.0")
    crossed = Origin("folds", "phantom", "phantom", "phantom-06ff", 54, 54, folds=5)
    assert provenance([run, crossed], TODAY) == [
        "Data set: phantom, store phantom-06ff.",
        "Run phantom-1: trained on 28 studies of 25 patients, begun on 2026-02-03, mmdx 0.1.0.",
        "Run folds: trained on 54 studies of 54 patients in 5 folds, each scored by a model of the others.",
        COMPARED,
    ]


def test_data_sets_that_differ_are_named_by_run():
    runs = [Origin("a", "folder", "chest", "folder-1"), Origin("b", "folder", "abdomen", "folder-2")]
    named = "Data set: folder chest, store folder-1 (a) and folder abdomen, store folder-2 (b)."
    assert provenance(runs, TODAY) == [named, COMPARED]


def test_what_no_run_says_is_left_out():
    assert provenance([Origin("run")], TODAY) == [COMPARED]
    assert provenance([], TODAY) == [COMPARED]


def test_a_second_cohort_is_named_beside_that_of_the_training():
    second = DataSet("cq500", "cq", "cq500-2")
    run = Origin("theirs", "rsna_ich", "rsna", "rsna_ich-1", 20, 18, folds=5, second=second)
    assert provenance([run], TODAY) == [
        "Data set: cq500 cq, store cq500-2; trained on another, rsna_ich rsna, store rsna_ich-1.",
        "Run theirs: trained on 20 studies of 18 patients in 5 folds, whose models answer together.",
        COMPARED,
    ]
    unknown = provenance([Origin("theirs", second=second)], TODAY)
    assert unknown[0] == "Data set: cq500 cq, store cq500-2; trained on another, one that is not known."
