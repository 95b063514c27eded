"""Guidance behind a first stage of frozen encoders, which all stages share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from tiny import write_cohort, write_config

import mmdx
from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.errors import UsageError

QUIET = Console(quiet=True)
STAGES = ("superior", "inferior", "guided", "guided_own", "distilled", "dropped")
FROZEN = {"type": "timm", "name": "test_resnet", "frozen": True}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guided")
    path = write_config(folder / "a.yaml", write_cohort(folder / "raw"), epochs=1)
    raw = yaml.safe_load(path.read_text())
    raw["first"] = {"model": {"inputs": {"image": {"encoder": FROZEN}}}, "folds": None}
    raw["model"]["inputs"]["image"] = {"encoder": "plain", "sequence": "max"}
    raw["guidance"] = {"superior": ["report"], "inferior": ["image"], "epochs": 2}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def test_all_stages_stand_on_one_store_of_descriptors(config: Path, tmp_path: Path):
    run = train(resolve(read_config(config)), name="a", console=QUIET).run.folder
    folders = {json.loads((run / stage / "environment.json").read_text())["store"]["folder"] for stage in STAGES}
    assert folders == {str(run / "descriptors")}
    again = train(resolve(read_config(config)), name="a", console=QUIET, resume=True)
    assert again.run.folder == run
    table = pd.read_csv(run / "guided" / "predictions" / "test.csv")
    scored = pd.read_csv(evaluate_run(run / "guided", "test", None, tmp_path / "scores"))
    np.testing.assert_allclose(scored["score"], table["score"], atol=1e-6)
    row = table[table["shown"] == "image"].iloc[0]
    lines = (config.parent / "raw" / "metadata.jsonl").read_text().splitlines()
    files = {line["study_id"]: line["file_names"] for line in map(json.loads, lines)}
    (tmp_path / "patient").mkdir()
    for name in files[row["study_id"]]:
        shutil.copy(config.parent / "raw" / name, tmp_path / "patient")
    (answer,) = mmdx.load(run / "guided").predict(tmp_path / "patient")
    assert answer.findings[row["finding"]] == pytest.approx(row["score"], abs=1e-5)


def test_a_first_stage_that_learns_is_refused(config: Path):
    for override in ("first.model.inputs.image.encoder.frozen=false", "first.folds=3"):
        overrides = [override, "first.model.heads={slice: slice}"]
        with pytest.raises(UsageError, match="share one first stage, of which nothing may be trained"):
            resolve(read_config(config, overrides))
