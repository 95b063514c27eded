"""A run folder as a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.api.run import Run
from mmdx.errors import DataError
from mmdx.files import write_json, write_text


def test_a_run_reads_what_it_is_asked_for(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    write_json(run.layout.metrics, {"patients": 2, "estimates": [{"arm": "image", "metric": "auroc", "value": 0.5}]})
    write_json(run.layout.audit, {"verdict": "no leak"})
    header, rows = "study_id,patient_id,shown,finding,label,score", ["007,p,image,x,1,0.25", "b,q,image,x,,0.5"]
    write_text(run.layout.scores("test"), "\n".join([header, *rows]) + "\n")
    assert run.metrics["patients"] == 2
    assert run.audit == {"verdict": "no leak"}
    assert run.frame()["value"].tolist() == [0.5]
    frame = run.predictions()
    assert frame["study_id"].tolist() == ["007", "b"]
    assert frame["label"].isna().tolist() == [False, True]


def test_a_run_that_is_not_done_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metrics.json: missing; the training has not come to its end"):
        _ = Run(tmp_path).metrics
