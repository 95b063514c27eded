"""Whole shards become a store, or nothing does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from raw_studies import study, written

from mmdx.data.splits.splits import Splits
from mmdx.data.store.finish import Making, finish_store, read_quarantine, write_quarantine
from mmdx.data.store.layout import layout_of
from mmdx.data.store.store import is_store
from mmdx.errors import DataError

STUDIES = [study(name, labels={"bleed": 1.0}) for name in ("a", "b", "c")]


@pytest.fixture
def making(tmp_path: Path) -> Making:
    """One shard of three studies, one per split."""
    written(tmp_path / "shard-00000.arrow", STUDIES)
    splits = Splits(("train", "val", "test"), ("patient of a", "patient of b", "patient of c"))
    return Making(layout_of(STUDIES, size=8), STUDIES, splits, [], 1, origin={})


def test_shards_of_other_studies_are_no_store(making: Making, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its shards hold other studies than its source; remove the folder"):
        finish_store(tmp_path, replace(making, studies=[*STUDIES[:2], study("d")]))
    assert not is_store(tmp_path)


def test_a_patient_in_two_splits_is_no_store(making: Making, tmp_path: Path) -> None:
    studies = [replace(study, patient_id="p") for study in STUDIES]
    with pytest.raises(DataError, match=r"patient .* is in"):
        finish_store(tmp_path, replace(making, studies=studies))
    assert not is_store(tmp_path)


def test_a_quarantine_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [{"study_id": "a,b", "reason": 'holds "quotes", and a comma'}, {"study_id": "c", "reason": "gone"}]
    write_quarantine(tmp_path, rows)
    assert read_quarantine(tmp_path) == rows
    rows = [{"study_id": "=1+1", "reason": "-"}, {"study_id": "'=1", "reason": "-1"}]
    write_quarantine(tmp_path, rows)
    assert read_quarantine(tmp_path) == rows
    assert (tmp_path / "quarantine.csv").read_text().splitlines()[1:] == ["'=1+1,'-", "''=1,-1"]
    write_quarantine(tmp_path, [{"study_id": "a", "reason": "file \udcff"}])
    assert read_quarantine(tmp_path) == [{"study_id": "a", "reason": "file \\udcff"}]
    assert [path.name for path in tmp_path.iterdir()] == ["quarantine.csv"]
