import io
from dataclasses import replace

import pytest
from rich.console import Console

from mmdx.errors import UsageError
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.claims import claims
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.terminal import noted_table, summary_tables
from mmdx.stats.report.words import with_interval


def printed(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    console = Console(width=80, file=io.StringIO(), highlight=False)
    console.print(summary_tables(comparison, finding=finding))
    return console.file.getvalue().splitlines()


def test_numbers_are_whole_in_80_columns_whatever_the_names(write_run):
    shown = {"a_run_with_a_name_that_is_far_too_long_for_any_table+report": 1.0, "ct[bold]": 30.0}
    comparison = compare([write_run("fused", shown)], resamples=100)
    lines = printed(comparison)
    assert max(len(line.rstrip()) for line in lines) <= 80
    text = "\n".join(lines)
    for metric in ("auroc", "ap"):
        assert with_interval(comparison.estimates["ct[bold]", metric, None]) in text
        assert with_interval(comparison.differences["ct[bold]", metric, None].estimate) in text
    assert "ct[bold]" in text


def test_the_tables_are_followed_by_what_they_say(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    text = " ".join(" ".join(printed(comparison)).split())
    assert all(sentence in text for sentence in claims(comparison))


def test_one_finding_may_be_asked_for(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    text = "\n".join(printed(comparison, finding="bleed"))
    assert with_interval(comparison.estimates["ct", "auroc", "bleed"]) in text
    assert "AUROC for bleed" in text
    with pytest.raises(UsageError, match="no finding 'blood'"):
        summary_tables(comparison, finding="blood")


def test_what_an_ablation_lacks_stands_last(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    console = Console(width=80, file=io.StringIO(), highlight=False)
    console.print(summary_tables(comparison, left_out=("not trained: late seed 0",)))
    assert console.file.getvalue().splitlines()[-1] == "not trained: late seed 0"


def test_a_table_stands_above_its_notes():
    console = Console(width=40, file=io.StringIO(), highlight=False)
    console.print(noted_table(Sheet("Boxes", ("model", "AP"), (("ct[bold]", "0.500"),)), ["Of four slices."]))
    assert [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()] == [
        "Boxes",
        "model        AP",
        "─" * 15,
        "ct[bold]  0.500",
        "Of four slices.",
    ]


def test_the_primary_finding_stands_before_the_macro_mean(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    text = "\n".join(printed(replace(comparison, primary_finding="fracture")))
    places = [
        text.index(title) for title in ("\nfracture: ct+report minus", "Mean over 2 findings", "AUROC for fracture is")
    ]
    assert text.startswith("fracture")
    assert places == sorted(places)
