"""What `mmdx extract` refuses before it loads a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from mmdx.engine.experiments.extract import extract_run
from mmdx.errors import UsageError
from mmdx.files import RunLayout, write_text

QUIET = Console(quiet=True)


def test_one_fold_leaves_no_model_that_has_not_seen_a_study(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--folds 1: a study is described by a model that did not see it; give 2"):
        extract_run(RunLayout(tmp_path), tmp_path / "out", folds=1, console=QUIET)


def test_a_cross_validation_has_its_own_fold_models(tmp_path: Path) -> None:
    run = RunLayout(tmp_path)
    write_text(run.folds, "study_id,patient_id,fold\na,p,0\n")
    with pytest.raises(UsageError, match=r"--folds: .* is a cross-validation, .*; leave the option out"):
        extract_run(run, tmp_path / "out", folds=2, console=QUIET)


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a run folder nor a model folder"):
        extract_run(RunLayout(tmp_path), tmp_path / "out", console=QUIET)
