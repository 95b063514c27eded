"""`mmdx.explanations`."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmdx
from mmdx.api import explanations as module
from mmdx.stats.report.section import Section


def test_a_run_or_its_folder_is_measured(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(
        module, "checked_explanations", lambda folder, most: asked.append((folder, most)) or Section("k", "t")
    )
    assert mmdx.explanations("runs/a").key == mmdx.explanations(mmdx.Run("runs/b"), studies=5).key == "k"
    assert asked == [(Path("runs/a"), 40), (Path("runs/b"), 5)]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(mmdx.MmdxError):
        mmdx.explanations(tmp_path)
