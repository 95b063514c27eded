import io
import json

import pytest
from rich.console import Console

from mmdx.errors import DataError, UsageError
from mmdx.stats.claims import audit_lines, claims
from mmdx.stats.compare import Comparison, compare
from mmdx.stats.report import markdown, summary_tables, write_comparison
from mmdx.stats.tables import with_interval


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


def test_the_markdown_holds_every_metric_and_escapes_names(write_run):
    comparison = compare([write_run("fused", {"ct|x": 2.0, "ct+report": 1.0})], resamples=100)
    lines = markdown(comparison).splitlines()
    row = next(line for line in lines if line.startswith("| ct\\|x"))
    assert all(
        with_interval(comparison.estimates["ct|x", m, None]) in row for m in ("auroc", "ap", "log_loss", "brier")
    )
    assert "## What each finding stands on" in lines


def test_three_files_are_left_and_replaced_whole(write_run, tmp_path):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    out = tmp_path / "deep" / "out"
    write_comparison(comparison, out)
    (out / "compare.md").write_text("old")
    write_comparison(comparison, out)
    assert sorted(path.name for path in out.iterdir()) == ["compare.html", "compare.json", "compare.md"]
    assert json.loads((out / "compare.json").read_text(encoding="utf-8")) == comparison.to_json()
    assert (out / "compare.md").read_text(encoding="utf-8") == markdown(comparison)


def test_an_undefined_comparison_is_still_written(write_run, tmp_path):
    run = write_run("fused", {"ct": 2.0, "ct+report": 1.0}, findings=("bleed",), constant={"bleed": 0})
    comparison = compare([run], resamples=100)
    write_comparison(comparison, tmp_path / "out")
    assert "undefined" in (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert "undefined" in "\n".join(printed(comparison))


def test_the_verdict_of_the_audit_stands_at_the_top(write_run, tmp_path):
    run = write_run("fused", {"ct+report": 0.3, "ct": 0.9})
    (run / "audit.json").write_text('{"verdict": "no leak between the splits; 1 warning (<shortcut>)"}')
    comparison = compare([run], resamples=100)
    write_comparison(comparison, tmp_path / "out")
    said = "Audit: no leak between the splits; 1 warning (<shortcut>)."
    assert audit_lines(comparison) == [said]
    written = (tmp_path / "out" / "compare.md").read_text()
    assert 0 < written.index("Audit: no leak") < written.index("With ct+report")
    assert "(&lt;shortcut&gt;)" in (tmp_path / "out" / "compare.html").read_text()
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["audits"] == {"fused": said[7:-1]}


def test_runs_of_different_verdicts_are_told_apart(write_run):
    runs = [write_run(name, {"ct": 0.5}, seed=i) for i, name in enumerate(("a", "b"))]
    for run, verdict in zip(runs, ("no leak", "patients leak"), strict=True):
        (run / "audit.json").write_text(json.dumps({"verdict": verdict}))
    assert audit_lines(compare(runs, resamples=100)) == ["Audit of a: no leak.", "Audit of b: patients leak."]
    (runs[0] / "audit.json").write_text("[]")
    with pytest.raises(DataError, match=r"audit\.json: is no audit"):
        compare(runs, resamples=100)
