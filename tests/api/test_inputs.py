"""`mmdx.inputs`."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmdx
from mmdx.api import inputs as module
from mmdx.stats.report.section import Section


def test_a_run_or_its_folder_is_measured(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(
        module, "measured_inputs", lambda folder, most: asked.append((folder, most)) or Section("k", "t")
    )
    assert mmdx.inputs("runs/a").key == mmdx.inputs(mmdx.Run("runs/b"), studies=50).key == "k"
    assert asked == [(Path("runs/a"), 400), (Path("runs/b"), 50)]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(mmdx.MmdxError):
        mmdx.inputs(tmp_path)
