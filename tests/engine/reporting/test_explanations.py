"""Checked explanations become the section of a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.engine.reporting import explanations
from mmdx.engine.reporting.explanations import checked_explanations
from mmdx.errors import DataError

ROWS = "study_id,patient_id,finding,method,measure,value,chance\n"


def run(folder: Path, finding: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "predictions").mkdir()
    lines = [f"s{i},p{i},image,bleed,{i % 2},0.{i % 9}" for i in range(20)]
    text = "\n".join(["study_id,patient_id,shown,finding,label,score", *lines])
    (folder / "predictions" / "test.csv").write_text(text, encoding="utf-8")

    def write(place: Path, most: int, count: object) -> Path:
        path = place / "predictions" / "test_explanations.csv"
        path.write_text(ROWS + "".join(f"s{i},p{i},{finding},Grad-CAM,deletion,0.2,0.4\n" for i in range(1, 20, 2)))
        return path

    monkeypatch.setattr(explanations, "write_explanations", write)
    return folder


def test_what_was_checked_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (record,) = checked_explanations(run(tmp_path, "bleed", monkeypatch)).record
    assert record["gain"]["value"] == pytest.approx(0.2)


def test_explanations_of_other_findings_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DataError, match="no test study that could be explained has a finding"):
        checked_explanations(run(tmp_path, "mass", monkeypatch))
