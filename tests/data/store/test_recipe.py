"""A recipe is known by a fingerprint, and reads the studies that may be stored."""

from __future__ import annotations

from pathlib import Path

import cohorts
import pytest
import signals  # noqa: F401  (registers a reader that finds nothing in an empty folder)

from mmdx.data.text.missing import LEFT_OUT, empty_lines
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


def test_a_text_that_says_nothing_is_no_text(tmp_path: Path) -> None:
    rows = [
        {"study_id": f"s{i}", "patient_id": f"p{i}", "file_name": f"{i}.png", "report": report, "bleed": 1}
        for i, report in enumerate(["Fall.", "nan", "<NA>"])
    ]
    for row in rows:
        cohorts.write_png(tmp_path / "raw" / row["file_name"], 50)
    studies = cohorts.recipe(cohorts.write_table(tmp_path / "raw", rows)).read()
    assert [study.modalities.get("report") for study in studies] == ["Fall.", None, None]
    assert empty_lines(studies) == [f"texts: 2 of 3 studies have one that {LEFT_OUT}"]
