from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.markdown import markdown, markdown_table
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import with_interval


def test_the_markdown_holds_every_metric_and_escapes_names(write_run):
    comparison = compare([write_run("fused", {"ct|x": 2.0, "ct+report": 1.0})], resamples=100)
    lines = markdown(comparison).splitlines()
    rows = "\n".join(line for line in lines if line.startswith("| ct\\|x"))
    assert all(
        with_interval(comparison.estimates["ct|x", m, None]) in rows for m in ("auroc", "ap", "log_loss", "brier")
    )
    assert "## What each finding stands on" in lines
    assert "figures/" not in "\n".join(lines)


def test_a_table_is_pipes_with_its_title():
    sheet = Sheet("A <b>", ("model", "x|y"), (("a_1", "0.5\n[0.4, 0.6]"),))
    assert markdown_table(sheet).splitlines() == [
        "### A \\<b\\>",
        "",
        "| model | x\\|y |",
        "|---|---:|",
        "| a\\_1 | 0.5 [0.4, 0.6] |",
    ]


def test_a_title_is_not_said_twice():
    assert markdown_table(Sheet("Boxes", ("model",), (("a",),)), under="Boxes").startswith("| model |")
