"""Readings beside a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from arms_by_hand import cohort_of

from mmdx.errors import DataError
from mmdx.stats.sections.readers.files import read_readings, readings_path

HEAD = "study_id,patient_id,reader,finding,label\n"


def test_readings_stand_on_the_rows_of_the_comparison(tmp_path: Path):
    path = tmp_path / "readings.csv"
    path.write_text(f"{HEAD}s1,s1,R1,bleed,1\ns0,s0,R1,bleed,0\ns0,s0,R2,mass,1\nother,o,R1,bleed,1\n")
    cohort = cohort_of(np.zeros((2, 1)), {"image": np.zeros((2, 1))})
    found = read_readings(path, cohort)
    assert found["R1"].tolist() == [[0.0], [1.0]]
    assert np.isnan(found["R2"]).all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [("s0,p,R1,bleed,2\n", "line 2: label is '2'; give 1 or 0"), ("s0,p,R1,bleed,1\n" * 2, "line 3: this reader has")],
)
def test_bad_readings_are_refused(tmp_path: Path, rows: str, said: str):
    path = tmp_path / "readings.csv"
    path.write_text(HEAD + rows)
    with pytest.raises(DataError, match=said):
        read_readings(path, cohort_of(np.zeros((2, 1)), {"image": np.zeros((2, 1))}))


def test_only_a_run_has_readings(tmp_path: Path):
    inside = tmp_path / "predictions" / "test.csv"
    assert readings_path(tmp_path / "test.csv") is None
    assert readings_path(inside) is None
    (tmp_path / "readings.csv").write_text(HEAD)
    assert readings_path(inside) == tmp_path / "readings.csv"
