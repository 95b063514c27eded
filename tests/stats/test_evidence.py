import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from asking import ask, compared
from PIL import Image
from scored import cohort_of

from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.stats.comparison.compare import compare
from mmdx.stats.evidence import Evidence, check_place, gather
from mmdx.stats.report.headlines import audit_lines
from mmdx.stats.report.place import account
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.sections.confusion import confusion_section
from mmdx.stats.sections.disagreements import disagreements_section
from mmdx.stats.sections.reliability.section import reliability_section
from mmdx.stats.sections.roc.section import roc_section


def section(key: str = "extra") -> Section:
    plot = Plot(key, "Plot <1>", "Caption.", pd.DataFrame({"x": [1.5], "y": [None]}), lambda figure: None)
    sheet = Sheet("Sheet", ("name", "x"), (("a_b", "0.5 [0.4, 0.6]"),))
    return Section(key, "Extra", ("Said.",), (sheet,), (plot,), ("Noted.",), {"value": None})


@pytest.mark.usefixtures("figures_as_pdf")
def test_all_forms_are_left_with_their_figures(write_run, tmp_path):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    out = tmp_path / "deep" / "out"
    Evidence(comparison, (section(),)).save(out)
    assert sorted(path.name for path in out.iterdir()) == [
        "compare.html",
        "compare.json",
        "compare.md",
        "compare.tex",
        "figures",
    ]
    names = [f"{name}.{kind}" for name in ("auroc", "differences", "extra") for kind in ("csv", "pdf", "png", "svg")]
    assert sorted(path.name for path in (out / "figures").iterdir()) == names
    written = json.loads((out / "compare.json").read_text(encoding="utf-8"))
    assert written["sections"] == {"extra": {"value": None}}
    assert written["versions"].keys() == {"mmdx", "numpy", "scipy", "scikit-learn"}
    assert {key: written[key] for key in comparison.to_json()} == comparison.to_json()
    assert (out / "figures" / "extra.csv").read_text() == "x,y\n1.5,\n"
    numbers = pd.read_csv(out / "figures" / "auroc.csv")
    assert numbers["value"][0] == comparison.estimates["ct+report", "auroc", None].value
    with Image.open(out / "figures" / "extra.png") as image:
        assert image.format == "PNG"
    told = (out / "compare.md").read_text(encoding="utf-8")
    assert "![Plot \\<1\\>](figures/extra.png)\n\nCaption." in told
    assert told.index("## AUROC and average precision") < told.index("## Extra") < told.index("- Noted.")
    assert "a\\_b & 0.5~[0.4,~0.6] \\\\" in (out / "compare.tex").read_text(encoding="utf-8")


@pytest.mark.usefixtures("figures_as_pdf")
def test_figures_of_an_earlier_comparison_go_and_other_files_stay(write_run, tmp_path):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    out = tmp_path / "out"
    Evidence(comparison, (section("old"),)).save(out)
    (out / "figures" / "mine.png").write_bytes(b"mine")
    (out / "compare.md").write_text("old")
    Evidence(comparison, (section("new"),)).save(out)
    left = sorted(path.name for path in (out / "figures").iterdir())
    kinds = ("csv", "pdf", "png", "svg")
    assert left == [*(f"auroc.{kind}" for kind in kinds), "mine.png", *(f"new.{kind}" for kind in kinds)]
    assert "old" not in (out / "compare.md").read_text(encoding="utf-8")


def test_only_figures_of_its_own_are_removed(write_run, tmp_path):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    (tmp_path / "kept.png").write_bytes(b"kept")
    out = tmp_path / "out"
    out.mkdir()
    (out / "compare.json").write_text('{"figures": ["figures/../../kept.png", "../kept.png", 3]}')
    Evidence(comparison).save(out, overwrite=True)
    assert (tmp_path / "kept.png").is_file()


def test_a_plot_that_fails_leaves_what_was_there(write_run, tmp_path):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    out = tmp_path / "out"
    Evidence(comparison).save(out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def fail(figure):
        raise RuntimeError("no ink")

    broken = Section("broken", "Broken", plots=(Plot("broken", "B", "", pd.DataFrame(), fail),))
    with pytest.raises(RuntimeError, match="no ink"):
        Evidence(comparison, (broken,)).save(out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_undefined_comparison_is_still_written(write_run, tmp_path):
    run = write_run("fused", {"ct": 2.0, "ct+report": 1.0}, findings=("bleed",), constant={"bleed": 0})
    comparison = compare([run], resamples=100)
    Evidence(comparison).save(tmp_path / "out")
    assert "undefined" in (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")


def test_the_verdict_of_the_audit_stands_at_the_top(write_run, tmp_path):
    run = write_run("fused", {"ct+report": 0.3, "ct": 0.9})
    (run / "audit.json").write_text('{"verdict": "no leak between the splits; 1 warning (<shortcut>)"}')
    comparison = compare([run], resamples=100)
    Evidence(comparison).save(tmp_path / "out")
    said = "Audit: no leak between the splits; 1 warning (<shortcut>)."
    assert audit_lines(comparison) == [said]
    written = (tmp_path / "out" / "compare.md").read_text()
    assert 0 < written.index("Audit: no leak") < written.index("With ct+report")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert 0 < page.index("(&lt;shortcut&gt;)") < page.index("<p>With ct+report")
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["audits"] == {"fused": said[7:-1]}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("several", [False, True], ids=["one row per patient", "two"])
@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        pytest.param([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.1, 0.2], id="five patients"),
        pytest.param([1] * 8, [0.5, 0.6] * 4, id="one class"),
        pytest.param([np.nan] * 8, [np.nan] * 8, id="no label"),
        pytest.param([0, 1] * 20, [0.5] * 40, id="constant scores"),
        pytest.param([0, 1] * 20, [0.0, 1.0] * 20, id="perfect and sure"),
    ],
)
def test_wild_cohorts_are_written(labels, scores, several, tmp_path):
    grid, said = np.array(labels, dtype=float)[:, None], np.array(scores)[:, None]
    patients = np.arange(len(labels)) // 2 if several else None
    look = {"names": ("a$b$_<x>%", "c"), "threshold": 0.5, "temperature": 1.5}
    cohort = cohort_of(grid, [said, 1 - said], patients=patients, **look)
    sections = [
        ask(made, cohort, resamples=100)
        for made in (roc_section, reliability_section, confusion_section, disagreements_section)
    ]
    comparison = compared(cohort, resamples=100)
    Evidence(comparison, tuple(section for section in sections if section)).save(tmp_path)
    assert "a$b$_&lt;x&gt;%" in (tmp_path / "compare.html").read_text(encoding="utf-8")
    json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))


def test_a_notebook_shows_what_is_claimed_and_the_main_tables(write_run):
    comparison = compare([write_run("fused", {"<b>ct</b>": 2.0, "ct+report": 1.0})], resamples=100)
    html = Evidence(comparison, (section(),))._repr_html_()
    assert html.count("<table>") == 2
    assert "&lt;b&gt;ct&lt;/b&gt;" in html
    assert "Extra" not in html
    assert len(html) < 10_000


def test_what_is_written_as_json_can_be_had_without_a_file(write_run, tmp_path):
    evidence = Evidence(compare([write_run("fused", {"ct": 2.0})], resamples=100), (section(),))
    evidence.save(tmp_path)
    made = account(tmp_path, (), "test")
    assert json.loads((tmp_path / "compare.json").read_text(encoding="utf-8")) == evidence.to_json() | made


def test_another_comparison_is_overwritten_only_where_that_is_said(write_run, tmp_path):
    runs, out = [write_run(name, {"ct": 2.0}, seed=seed) for seed, name in enumerate("ab")], tmp_path / "out"
    gather(runs[:1], resamples=100).save(out)
    both, before = gather(runs, resamples=100), (out / "compare.json").read_bytes()
    for refused in (lambda: check_place(out, runs, split="test"), lambda: both.save(out)):
        with pytest.raises(UsageError, match=r"out: holds the comparison of .*a \(test split\); give --out OTHER"):
            refused()
    assert (out / "compare.json").read_bytes() == before
    (out / "reporting.md").write_text("of a")
    both.save(out, overwrite=True)
    assert json.loads((out / "compare.json").read_text())["sources"] == [str(run) for run in runs]
    assert not (out / "reporting.md").exists()
    check_place(out, runs, split="test")
    gather(runs, resamples=200).save(out)


def test_a_kill_while_files_take_their_place_leaves_nothing_that_looks_whole(write_run, tmp_path, monkeypatch):
    runs, out = [write_run(name, {"ct": 2.0}, seed=seed) for seed, name in enumerate("ab")], tmp_path / "out"
    gather(runs[:1], resamples=100).save(out)
    (out / ".compare-left" / "figures").mkdir(parents=True)

    def killed(self, target, replace=Path.replace):
        if target.name == "compare.md":
            raise KeyboardInterrupt
        return replace(self, target)

    other = gather(runs[1:], resamples=100)
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        other.save(out, overwrite=True)
    monkeypatch.undo()
    assert sorted(path.name for path in out.iterdir()) == ["compare.html", "compare.json", "figures"]
    record = json.loads((out / "compare.json").read_text())
    assert record["sources"] == [str(runs[1])]
    assert "estimates" not in record
    other.save(out)
    assert "estimates" in json.loads((out / "compare.json").read_text())


def test_a_run_that_is_not_finished_is_told_on_every_page(write_run, tmp_path):
    run = RunLayout(write_run("fused", {"ct": 2.0}))
    run.config.write_text("train: {epochs: 20}\n")
    pd.read_csv(run.scores("test"))[["study_id", "patient_id"]].assign(split="test").to_csv(run.splits, index=False)
    run.log.write_text('{"step": 9, "epoch": 3, "seconds": 2.0}\n')
    evidence = gather([run.folder], resamples=100)
    evidence.save(tmp_path / "out")
    said = "fused: not finished: epoch 3 of 20; unless it still runs, go on with mmdx train"
    for name in ("compare.html", "compare.md"):
        assert said in (tmp_path / "out" / name).read_text()
    assert said in evidence._repr_html_()
    assert list(evidence.to_json()["unfinished"]) == ["fused"]
    assert compare([run.folder], resamples=100).unfinished == {}  # as a training compares at its own end
    run.card.write_text("# Model\n")
    assert gather([run.folder], resamples=100).comparison.unfinished == {}


def test_a_comparison_tells_which_part_is_resampled(write_run):
    told = []
    gather([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100, count=lambda *said: told.append(said))
    assert told[0] == ("comparing: metrics", 0, 100, "resamples")
    assert {"comparing: missing", "comparing: roc"} <= {said[0] for said in told}
