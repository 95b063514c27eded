"""Tables of a stranger's scores are compared with no run folder at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mmdx.api.claims import compare
from mmdx.errors import DataError, UsageError


def scores(values: list[float]) -> pd.DataFrame:
    """One study per patient; the first half is negative."""
    count = len(values)
    ids = [f"{i:02d}" for i in range(count)]
    labels = [int(i >= count // 2) for i in range(count)]
    return pd.DataFrame({"study_id": ids, "patient_id": ids, "finding": "x", "label": labels, "score": values})


PERFECT = [0.1] * 10 + [0.9] * 10
HALF = [0.1, 0.9] * 10


def test_named_tables_are_arms_by_these_names() -> None:
    evidence = compare({"ours": scores(PERFECT), "theirs": scores(HALF)}, resamples=200)
    estimates = evidence.comparison.frame().query("metric == 'auroc' and finding == 'x'").set_index("arm")["value"]
    assert estimates.to_dict() == {"ours": 1.0, "theirs": 0.5}
    assert "ours" in evidence._repr_html_()


def test_a_file_and_a_table_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    scores(PERFECT).assign(shown="image").to_csv(path, index=False)
    evidence = compare(str(path), scores(HALF).assign(shown="other"), resamples=200)
    assert [arm.shown for arm in evidence.comparison.arms] == ["image", "other"]


def test_what_is_wrong_with_a_table_is_one_line() -> None:
    with pytest.raises(DataError, match="score"):
        compare({"ours": scores(PERFECT).drop(columns=["score"]), "theirs": scores(HALF)})
    with pytest.raises(UsageError, match="a mapping of names to tables stands alone"):
        compare({"ours": scores(PERFECT)}, "runs/mine")


def test_the_primary_finding_is_stated() -> None:
    both = [pd.concat([scores(values), scores(HALF).assign(finding="y")]) for values in (PERFECT, HALF)]
    evidence = compare(dict(zip(("ours", "theirs"), both, strict=True)), resamples=200, primary="y")
    assert evidence.comparison.leads == ("y", None)
    assert evidence.to_json()["primary_finding"] == "y"
    with pytest.raises(UsageError, match=r"^primary finding 'z': not in the predictions; known: x, y$"):
        compare({"ours": both[0]}, primary="z")
