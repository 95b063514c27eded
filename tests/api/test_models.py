"""Configs, trainings and models, as functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tiny import write_cohort, write_config

from mmdx.api.models import ablate, config, evaluate, load, train
from mmdx.errors import UsageError


def test_a_config_comes_from_a_file_a_mapping_or_a_config(tmp_path: Path) -> None:
    path = write_config(tmp_path / "tiny.yaml", tmp_path / "raw")
    first = config(path, {"model.fusion": "gated", "train.lr": 0.5})
    assert (first.model.fusion.type, first.train.lr) == ("gated", 0.5)
    assert config(first) == first
    assert config(first.model_dump(mode="json"), {"train.epochs": 7}).train.epochs == 7
    with pytest.raises(UsageError) as refused:
        config(path, {"train.lr": -1, "model.fusion": "concatt"})
    assert any("train.lr" in line for line in refused.value.problems)
    assert any("no fusion is called 'concatt'" in line for line in refused.value.problems)


def test_a_training_says_nothing_and_its_model_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = write_cohort(tmp_path / "raw")
    run = train(write_config(tmp_path / "tiny.yaml", raw, epochs=1), run=tmp_path / "mine")
    assert run.folder == tmp_path / "mine"
    assert capsys.readouterr().out == ""
    assert run.metrics["reference"] == "image+report"
    before = (run.layout.scores("test")).read_bytes()
    rows = evaluate(run, show=["image"])
    assert set(rows["shown"]) == {"image"}
    assert run.layout.scores("test").read_bytes() == before
    model = load(run)
    assert model.findings == ("bleed", "fracture")
    assert model.predict(raw / "01_0.png")[0].shown == "image"


def test_an_ablation_is_a_comparison_of_its_variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_config(tmp_path / "tiny.yaml", write_cohort(tmp_path / "raw"), epochs=1)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the plugin of the config, for the trainings
    evidence = ablate(config(path, {"run": None}), seeds=1, fusions=[], out=tmp_path / "ablation", jobs=1)
    assert {"fusion", "only-image", "only-report"} <= {arm.name.split(":")[0] for arm in evidence.comparison.models}
