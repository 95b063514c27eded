"""What a test split shows, on predictions that are written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from run_by_hand import write_run

from mmdx.engine.reporting.conclude import Results, measured_boxes, scores_of
from mmdx.files import RunLayout


def test_a_file_of_predictions_is_compared_by_what_was_shown(tmp_path: Path) -> None:
    path = RunLayout(write_run(tmp_path)).scores("test")
    scores = scores_of(path, "test")
    assert scores.path == path
    assert [arm.shown for arm in scores.comparison.models] == ["image+report", "image", "report"]
    assert scores.boxes == measured_boxes(path.parent, "test") == {}
    headline = Results(scores.comparison, None, {}, None).headline()
    assert headline.startswith("test study, image+report: macro AUROC 1.000")
    led = replace(scores.comparison, primary_finding="bleed")
    assert Results(led, None, {}, None).headline().startswith("test study, image+report: AUROC for bleed 1.000")
