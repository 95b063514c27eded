"""Which runs are asked about single studies."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdx.engine.scoring import lone
from mmdx.engine.scoring.lone import alone
from mmdx.errors import UsageError
from mmdx.files import RunLayout


def test_a_cross_validation_a_run_without_scores_and_several_processes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = RunLayout(tmp_path)
    with pytest.raises(UsageError, match=r"has no test\.csv, scores of studies"):
        alone(tmp_path, "inputs")
    run.predictions.mkdir()
    run.scores("test").touch()
    monkeypatch.setattr(lone, "make_accelerator", lambda: SimpleNamespace(num_processes=2))
    with pytest.raises(UsageError, match="mmdx inputs runs as one process"):
        alone(tmp_path, "inputs")
    run.folds.touch()
    with pytest.raises(UsageError, match=r"is a cross-validation, .* give one of its folds, such as .*fold-0"):
        alone(tmp_path, "inputs")
