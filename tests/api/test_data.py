"""From raw files to a store and its audit, as functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import write_cohort

from mmdx.api.data import audit, prepare, read
from mmdx.errors import UsageError


def test_studies_are_read_prepared_and_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_cohort(tmp_path / "raw", patients=24)
    studies = read(source)
    assert [study.study_id for study in studies[:2]] == ["s00", "s01"]
    store = prepare(source, str(tmp_path / "store"), size=16)
    assert (len(store), store.layout.size, store.findings) == (24, 16, ("bleed", "fracture"))
    assert audit(store).to_json()["fingerprint"] == store.fingerprint
    assert (tmp_path / "store" / "audit.json").is_file()
    assert capsys.readouterr() == ("", "")


def test_a_reader_and_its_options_are_named(tmp_path: Path) -> None:
    studies = read(tmp_path / "made", reader="phantom", patients=3, matrix=64)
    assert len({study.patient_id for study in studies}) == 3
    with pytest.raises(UsageError, match="patientz: unknown key; did you mean 'patients'"):
        read(tmp_path / "made", reader="phantom", patientz=3)
    with pytest.raises(UsageError, match="size=4: the side of a stored image in pixels is a whole number from 8"):
        prepare(tmp_path / "made", tmp_path / "store", reader="phantom", size=4)
