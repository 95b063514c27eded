"""Calibration by scores out of fold, and the scores that calibrated heads would have given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from parts import FACTS, config_of, model_of
from scipy.special import expit, logit

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.calibrate import calibrate, rescale
from mmdx.models.heads.calibration import Calibration


def saved() -> SavedModel:
    config = config_of()
    return SavedModel(model_of(config), config, FACTS, {})


def write(path, logits: np.ndarray, labels: np.ndarray, shown: str = "image+report") -> pd.DataFrame:
    rows = [
        {
            "study_id": f"s{n:03d}",
            "patient_id": f"p{n // 2}",
            "shown": shown,
            "finding": name,
            "label": y,
            "score": p,
        }
        for n in range(len(logits))
        for name, y, p in zip(FACTS.findings, labels[n], expit(logits[n]), strict=True)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(path, index=False)
    return table


def test_scores_that_are_too_sure_are_calmed(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(400, len(FACTS.findings)))
    write(tmp_path / "val.csv", 3 * truth, (rng.random(truth.shape) < expit(truth)).astype(float))
    calibration = calibrate(saved(), tmp_path, "val")["study"]
    assert calibration.scale.numpy() == pytest.approx(1 / 3, abs=0.1)
    assert calibration.shift.numpy() == pytest.approx(0, abs=0.3)


def test_files_are_rescaled_as_the_head_rescales_its_logits(tmp_path):
    findings = len(FACTS.findings)
    logits = np.linspace(-2, 2, 3 * findings).reshape(3, findings)
    before = write(tmp_path / "val.csv", logits, np.ones((3, findings)))
    calibration = Calibration(torch.full((findings,), 0.5), torch.arange(findings).float())
    rescale(saved(), tmp_path, "val", {"study": calibration})
    after = pd.read_csv(tmp_path / "val.csv")
    assert after["score"].to_numpy() == pytest.approx(expit(0.5 * logits + np.arange(findings)).ravel(), abs=1e-6)
    assert after.drop(columns="score").equals(before.drop(columns="score"))
    assert logit(after["score"].iloc[0]) == pytest.approx(-1.0, abs=1e-5)
