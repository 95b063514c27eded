"""`mmdx power` as a verb, and `mmdx.power`."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mmdx
from mmdx.cli import main
from mmdx.stats.significance import sample_size


def test_a_study_is_planned_from_two_files(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sample_size, "COHORTS", 50)
    monkeypatch.setattr(sample_size, "FIRST_COHORTS", 50)
    monkeypatch.setattr(sample_size, "MOST_STEPS", 2)
    monkeypatch.setattr(sample_size, "RESAMPLES", 60)
    rng, files = np.random.default_rng(0), [tmp_path / "ours.csv", tmp_path / "theirs.csv"]
    labels, ids = np.arange(80) % 2, [f"p{i}" for i in range(80)]
    for file, breadth in zip(files, (0.3, 0.6), strict=True):
        scores = np.clip(0.3 + 0.4 * labels + breadth * rng.normal(size=80), 0, 1)
        table = {"study_id": ids, "patient_id": ids, "finding": "x", "label": labels, "score": scores}
        pd.DataFrame(table).to_csv(file, index=False)
    with pytest.raises(SystemExit) as ended:
        main(["power", *map(str, files), "--difference", "0.1", "--out", str(tmp_path / "power.json")])
    assert ended.value.code == 0, capsys.readouterr().err
    record = json.loads((tmp_path / "power.json").read_text())
    assert str(record["planned"][0]["needed"]["patients"]) in capsys.readouterr().out
    assert json.loads(json.dumps(mmdx.power(*files, difference=0.1).to_json())) == record
    with pytest.raises(SystemExit) as ended:
        main(["power", str(files[0])])
    assert ended.value.code == 2
    assert "one model alone" in capsys.readouterr().err
