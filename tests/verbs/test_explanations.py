"""`mmdx explanations`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.cli import main
from mmdx.engine.reporting import explanations
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet


def test_a_folder_that_is_no_run_is_one_line(problem, tmp_path: Path):
    assert str(tmp_path) in problem("explanations", tmp_path, code=2)


def test_what_is_found_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    found = Section("explanations", "…", ("It uses both.",), (Sheet("Swaps", ("shown", "AUROC"), (("image", "0.7"),)),))
    asked = {}
    monkeypatch.setattr(explanations, "checked_explanations", lambda run, **options: asked.update(options) or found)
    with pytest.raises(SystemExit) as ended:
        main(["explanations", "runs/a", "--studies", "40"])
    assert not ended.value.code
    assert asked["most"] == 40
    said = capsys.readouterr().out
    assert said.index("Swaps") < said.index("It uses both.")
