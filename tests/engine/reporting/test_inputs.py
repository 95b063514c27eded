"""Whether a run uses its inputs, from its folder to the sentences."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmdx.engine.reporting import inputs
from mmdx.engine.reporting.inputs import measured_inputs
from mmdx.errors import DataError
from mmdx.stats.evidence import gather


def test_what_is_found_is_a_section_of_the_comparison(run_of_two: Path, tmp_path: Path):
    run = Path(shutil.copytree(run_of_two, tmp_path / "run"))
    counted = []
    section = measured_inputs(run, count=lambda what, done, total, unit: counted.append(what))
    (record,) = section.record
    assert set(record["verdicts"]) == {"image", "report"}
    assert record["together"]["image"]["gain"]["value"] == pytest.approx(0, abs=1e-9)
    assert {"exchanging image", "rewording report"} <= set(counted)
    compared = {part.key: part for part in gather([run], resamples=2000).sections}
    assert compared["inputs"].record == section.record


def test_swaps_of_other_inputs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inputs, "write_swaps", lambda folder, most, count: folder / "test_swaps.safetensors")
    monkeypatch.setattr(inputs, "inputs_section", lambda cohort, resampler: None)
    path = tmp_path / "predictions" / "test.csv"
    path.parent.mkdir()
    rows = [f"s{i},p{i},image,bleed,{i % 2},0.5" for i in range(8)]
    path.write_text("\n".join(["study_id,patient_id,shown,finding,label,score", *rows]), encoding="utf-8")
    with pytest.raises(DataError, match="is of other inputs than the predictions beside it"):
        measured_inputs(tmp_path)
