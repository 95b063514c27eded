"""What the card of a run says of whom it stands on."""

from __future__ import annotations

from pathlib import Path

from run_by_hand import write_run

from mmdx.engine.reporting.participants import participants
from mmdx.files import RunLayout
from mmdx.stats.comparison.compare import compare


def test_the_card_links_its_figure_and_has_table_1(tmp_path: Path):
    run = RunLayout(write_run(tmp_path))
    text = participants(run, compare([run.folder], resamples=200))
    assert "![Flow of studies](figures/flow.svg)" in text
    assert "Of 10 studies found in the source, 2 could not be stored" in text
    assert "| age | 53.5 [51.8, 55.2] |" in text.replace("\\", "")
    assert (run.folder / "figures" / "flow.svg").read_text().startswith("<?xml")
    assert "split train" in (run.folder / "figures" / "flow.csv").read_text()
    assert not (run.folder / "figures" / "flow.png").exists()  # mmdx compare draws it for print


def test_scores_alone_say_nothing(tmp_path: Path):
    scores = RunLayout(write_run(tmp_path)).scores("test")
    lone = tmp_path / "lone.csv"
    lone.write_bytes(scores.read_bytes())
    assert participants(RunLayout(tmp_path), compare([lone], resamples=200)) == ""
