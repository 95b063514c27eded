"""How much of the texts of a split is read, and when that is said."""

from __future__ import annotations

from pathlib import Path

from cohorts import folder_cohort, prepared

from mmdx.data.loading.coverage import coverage, coverage_lines, coverage_sentences
from mmdx.data.loading.reports import Reports
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.schema import ReportOptions


def test_unknown_words_and_cut_texts_are_counted_by_split(tmp_path: Path) -> None:
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    reports = Reports(store, ReportOptions())
    tokenizer = fit_tokenizer(["Fell times.", "Fell times."], max_tokens=3)
    covered = coverage(reports, store.splits, {"report": tokenizer})
    assert covered["report"]["max_tokens"] == 3
    train = covered["report"]["splits"]["train"]
    # "Fell N times." is four tokens, of which the number is unknown.
    assert (train["unknown"], train["cut"], train["tokens"]) == (0.25, 1.0, 4 * train["texts"])
    unknown, cut = coverage_lines(covered)
    assert unknown.startswith("report: unknown words (train 25.0 %")
    assert "longer than 3 tokens, their middle is not read; raise max_tokens" in cut
    (sentence,) = coverage_sentences(covered)
    assert "unknown words: train 25.0 %" in sentence
    whole = fit_tokenizer([*reports.over(range(len(store)), "report")] * 2, max_tokens=9)
    assert coverage_lines(coverage(reports, store.splits, {"report": whole})) == []
    assert coverage_lines({"report": {"max_tokens": 9, "splits": {}}}) == []
