"""A recipe is known by a fingerprint, and reads the studies that may be stored."""

from __future__ import annotations

from pathlib import Path

import cohorts
import pytest
import signals  # noqa: F401  (registers a reader that finds nothing in an empty folder)

from mmdx.errors import DataError


def test_a_folder_of_stores_has_one_folder_per_recipe(tmp_path: Path) -> None:
    raw = cohorts.folder_cohort(tmp_path / "raw", studies=3)
    recipe = cohorts.recipe(raw, size=8)
    assert recipe.folder(tmp_path) == tmp_path / f"folder-{recipe.fingerprint()[:12]}"
    assert recipe.folder(tmp_path) != cohorts.recipe(raw, size=16).folder(tmp_path)


def test_studies_are_read_and_none_is_an_error(tmp_path: Path) -> None:
    raw = cohorts.folder_cohort(tmp_path / "raw", studies=3)
    assert [study.study_id for study in cohorts.recipe(raw).read()] == ["s00", "s01", "s02"]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="reader 'test_signals' found no study; is it the right folder"):
        cohorts.recipe(tmp_path / "none", reader="test_signals").read()
