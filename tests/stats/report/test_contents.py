from dataclasses import replace

import pandas as pd
import pytest

from mmdx.stats.comparison.compare import compare
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.contents import contents
from mmdx.stats.report.section import Plot, Section


def plot(name: str) -> Plot:
    return Plot(name, name, "", pd.DataFrame(), lambda figure: None)


def test_the_headline_stands_first_and_sections_in_their_order(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    written = contents(comparison, [Section("b", "B"), Section("a", "A")])
    assert [section.key for section in written.open] == ["headline", "b", "a", "metrics"]
    assert [section.title for section in written.folded] == ["bleed", "fracture"]
    assert [sheet.header[1:4] for sheet in written.open[0].sheets] == [
        ("AUROC", "AP", "patients"),
        ("AUROC", "p", "AP"),
    ]


def test_every_metric_stands_in_a_table_that_a_narrow_page_holds(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    written = contents(comparison, ())
    told = {cell for section in written.open for sheet in section.sheets for cell in sheet.header}
    assert {metric.title for metric in METRICS.values()} <= told
    assert max(len(sheet.header) for section in written.sections for sheet in section.sheets) <= 7
    titles = [sheet.title for sheet in written.folded[0].sheets]
    assert len(titles) == len(set(titles))


def test_one_finding_is_not_said_twice(write_run):
    written = contents(compare([write_run("fused", {"ct": 2.0}, findings=("bleed",))], resamples=100), ())
    assert written.folded == ()
    assert [plot.name for plot in written.plots] == ["auroc"]


def test_two_plots_of_one_name_are_refused(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    written = contents(comparison, [Section("a", "A", plots=(plot("auroc"),))])
    with pytest.raises(ValueError, match="two plots are named 'auroc'"):
        _ = written.plots


def test_the_primary_finding_stands_before_the_macro_mean(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    headline, *_ = contents(replace(comparison, primary_finding="fracture"), ()).open
    assert [sheet.title.partition(":")[0] for sheet in headline.sheets] == ["fracture"] * 2 + [
        "Mean over 2 findings"
    ] * 2
    assert [plot.numbers["group"].unique().tolist() for plot in headline.plots] == [
        ["fracture", "macro AUROC", "bleed"]
    ] * 2
