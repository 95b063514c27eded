"""The spread over folds, on scores whose metrics a person can see."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.errors import DataError
from mmdx.stats.sections.folds.spread import spread_over, spread_records, spread_sheet

HEADER = "study_id,patient_id,shown,finding,label,score"


def fold(path: Path, labels: list[str], scores: list[float], *, shown: str = "image", finding: str = "bleed") -> Path:
    rows = [
        f"{path.stem}{i},{path.stem}p{i},{shown},{finding},{y},{s}"
        for i, (y, s) in enumerate(zip(labels, scores, strict=True))
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_mean_and_range_over_the_folds_that_have_both_classes(tmp_path):
    files = [
        fold(tmp_path / "a.csv", ["1", "0"], [0.9, 0.1]),  # every pair in order: 1
        fold(tmp_path / "b.csv", ["1", "0"], [0.5, 0.5]),  # a tie: 0.5
        fold(tmp_path / "c.csv", ["0", "0"], [0.2, 0.3]),  # one class: none
    ]
    spreads = spread_over(files)
    for finding in ("bleed", None):
        assert spreads["image", "auroc", finding].values == (1.0, 0.5, None)
    record = next(r for r in spread_records(spreads) if r["metric"] == "auroc" and r["finding"] is None)
    assert record == {
        **{"arm": "image", "metric": "auroc", "finding": None},
        **{"mean": 0.75, "lowest": 0.5, "highest": 1.0, "folds": [1.0, 0.5, None]},
    }
    sheet = spread_sheet(spreads, ["auroc"])
    assert sheet.title == "Macro mean over 3 folds: mean [lowest, highest]"
    assert sheet.rows == (("image", "0.750 [0.500, 1.000] (2 folds)"),)


def test_no_fold_with_both_classes(tmp_path):
    spreads = spread_over([fold(tmp_path / f"{name}.csv", ["0", ""], [0.1, 0.2]) for name in "ab"])
    assert spreads["image", "auroc", "bleed"].values == (None, None)
    assert spreads["image", "auroc", "bleed"].to_json() == {
        **{"mean": None, "lowest": None, "highest": None, "folds": [None, None]}
    }
    assert spread_sheet(spreads, ["auroc"]).rows == (("image", "undefined"),)


@pytest.mark.parametrize("odd", [{"shown": "report"}, {"finding": "edema"}])
def test_folds_that_were_scored_otherwise_are_refused(tmp_path, odd):
    files = [
        fold(tmp_path / "a.csv", ["1", "0"], [0.9, 0.1]),
        fold(tmp_path / "b.csv", ["1", "0"], [0.9, 0.1], **odd),
    ]
    with pytest.raises(DataError, match=r"b\.csv: scores other arms or findings than .*a\.csv"):
        spread_over(files)
