"""Descriptors without any training, and what `mmdx extract` refuses before it loads a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from cohorts import folder_cohort, prepared
from rich.console import Console
from tiny import write_cohort, write_config

import mmdx
from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.engine.experiments import single
from mmdx.engine.experiments.extract import Source, extract_run, extract_source
from mmdx.errors import UsageError
from mmdx.files import RunLayout, write_text

QUIET = Console(quiet=True)
FROZEN = {"type": "timm", "name": "test_resnet", "frozen": True}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort (`raw`) and a config of a frozen encoder and of reports (`encode.yaml`); nothing is trained."""
    folder = tmp_path_factory.mktemp("extract")
    path = write_config(folder / "encode.yaml", write_cohort(folder / "raw"))
    raw = yaml.safe_load(path.read_text())
    raw["model"] |= {"heads": {"slice": "slice", "study": "study"}}
    raw["model"]["inputs"]["image"] |= {"encoder": FROZEN, "augment": {"degrees": 10}}
    path.write_text(yaml.safe_dump(raw | {"train": {"judge": "slices"}}), encoding="utf-8")
    return folder


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """No training may begin."""
    monkeypatch.setattr(single, "set_up", None)


@pytest.fixture
def vectors(home: Path, untrained: None, tmp_path: Path) -> Store:
    return extract_source(Source(str(home / "encode.yaml")), tmp_path / "vectors", console=QUIET)


def test_a_config_describes_without_training(home: Path, vectors: Store):
    (raw,) = map(Store, (home / "stores").iterdir())
    assert {name: facts.kind for name, facts in vectors.modalities.items()} == {"image": "vectors", "report": "text"}
    assert vectors.lengths("image").tolist() == raw.lengths("image").tolist()
    assert (list(vectors.splits), vectors.described_by is not None) == (list(raw.splits), True)
    assert not list(vectors.folder.parent.glob("*.partial"))
    assert not (home / "run").exists()
    again = extract_source(Source(str(home / "encode.yaml")), vectors.folder, console=QUIET)
    assert again.fingerprint == vectors.fingerprint


def test_a_second_stage_answers_from_raw_images(home: Path, vectors: Store, tmp_path: Path, problem, monkeypatch):
    monkeypatch.undo()
    model = {"inputs": {"image": {"encoder": "plain", "sequence": "max"}}, "dim": 8}
    config = {"data": {"store": str(vectors.folder)}, "model": model, "train": {"epochs": 1}}
    run = mmdx.train(config, run=tmp_path / "second")
    table = run.predictions("test")
    row = table.iloc[0]
    files = {line["study_id"]: line["file_names"] for line in map(json.loads, (home / "raw" / "metadata.jsonl").open())}
    (tmp_path / "patient").mkdir()
    for name in files[row["study_id"]]:
        shutil.copy(home / "raw" / name, tmp_path / "patient")
    (answer,) = mmdx.load(run).predict(tmp_path / "patient")
    assert answer.findings[row["finding"]] == pytest.approx(row["score"], abs=1e-5)
    line = problem("predict", vectors.folder / "first", tmp_path / "patient", code=2)
    assert "only describes images for a second stage" in line


def test_an_encoder_describes_by_its_name(tmp_path: Path, untrained: None):
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    with pytest.raises(SystemExit) as ended:
        main(["extract", "test_resnet", str(tmp_path / "out"), "--store", str(store.folder)])
    assert not ended.value.code
    described = Store(tmp_path / "out")
    assert described.lengths("image").tolist() == store.lengths("image").tolist()
    first = read_config(tmp_path / "out" / "first" / "config.yaml").model.inputs["image"]
    assert (first.encoder.options["frozen"], first.view.options["channels"]) == (True, 3)


def test_what_does_not_belong_together_is_refused(home: Path, tmp_path: Path):
    config, out = str(home / "encode.yaml"), tmp_path / "out"
    for source, options, line in [
        (Source("test_resnet"), {}, "neither a run folder nor a config"),
        (Source("no_such_net", store=next((home / "stores").iterdir())), {}, "no timm model is called 'no_such_net'"),
        (Source(config, store=home), {}, "are for an encoder's name"),
        (Source(config), {"folds": 2}, "--folds: .* need none"),
        (Source(config), {"modalities": ["report"]}, "--modality report: .* has no such images"),
        (Source(config, ["model.inputs.image.encoder.frozen=false"]), {}, "its encoder is not frozen"),
        (Source(str(home), ["train.epochs=1"]), {}, "a run has its config already"),
    ]:
        with pytest.raises(UsageError, match=line):
            extract_source(source, out, console=QUIET, **options)
        assert not list(tmp_path.iterdir())


def test_a_first_stage_of_frozen_encoders_is_not_trained(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    raw = yaml.safe_load((home / "encode.yaml").read_text())
    first = {"model": raw["model"], "folds": None}
    second = {"inputs": {"image": {"encoder": "plain", "sequence": "max"}}, "dim": 8, "heads": {"study": "study"}}
    raw |= {"first": first, "model": second, "train": {"epochs": 1}, "run": str(tmp_path / "run")}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    begun, start = [], single.set_up

    def watched(setting, **options):
        begun.append(setting.run.folder)
        return start(setting, **options)

    monkeypatch.setattr(single, "set_up", watched)
    experiments.train(resolve(read_config(tmp_path / "two.yaml")), name="two", console=QUIET)
    assert begun == [tmp_path / "run"]
    assert (tmp_path / "run" / "checkpoints" / "best" / "first" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / "first" / "config.yaml").exists()
    table = pd.read_csv(tmp_path / "run" / "predictions" / "test.csv")
    assert np.isfinite(table["score"]).all()


def test_one_fold_leaves_no_model_that_has_not_seen_a_study(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--folds 1: a study is described by a model that did not see it; give 2"):
        extract_run(RunLayout(tmp_path), tmp_path / "out", folds=1, console=QUIET)


def test_a_cross_validation_has_its_own_fold_models(tmp_path: Path) -> None:
    run = RunLayout(tmp_path)
    write_text(run.folds, "study_id,patient_id,fold\na,p,0\n")
    with pytest.raises(UsageError, match=r"--folds: .* is a cross-validation, .*; leave the option out"):
        extract_run(run, tmp_path / "out", folds=2, console=QUIET)


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a run folder nor a model folder"):
        extract_run(RunLayout(tmp_path), tmp_path / "out", console=QUIET)
