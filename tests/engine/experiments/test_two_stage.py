"""Two stages: no training study is described by a model that saw its patient; killed in between, it goes on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file
from sklearn.decomposition import PCA
from tiny import write_cohort, write_config

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.data.splits.splits import Splits, read_splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments import run as experiments
from mmdx.engine.experiments import two_stage as stages
from mmdx.engine.scoring.descriptors import describe_rows, prove_unseen
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.training.selection import training_items
from mmdx.errors import DataError, UsageError

QUIET = Console(quiet=True)
FOLDS = 2
VECTORS = {"encoder": "plain", "sequence": {"type": "lstm", "hidden": 8, "bidirectional": True}}


def two_stages(path: Path, source: Path) -> Path:
    """A config whose first stage is a slice model and whose second reads five components and the logits of each."""
    raw = yaml.safe_load(write_config(path, source, epochs=1).read_text())
    image = {"encoder": "test_patches", "sequence": "mean"}
    heads = {"slice": "slice", "study": "study"}
    raw["first"] = {"folds": FOLDS, "model": {"inputs": {"image": image}, "heads": heads, "dim": 16}}
    raw["first"]["train"] = {"epochs": 1, "slices": 12}
    raw["model"]["inputs"] = {
        "image": VECTORS | {"select": {"type": "pca", "components": 5}},
        "report": raw["model"]["inputs"]["report"],
    }
    raw["model"]["heads"] = heads
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def train(path: Path, *overrides: str, resume: bool = False) -> Path:
    return experiments.train(
        resolve(read_config(path, overrides)), name=path.stem, console=QUIET, resume=resume
    ).run.folder


def command(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A cohort (`raw`), the config (`two.yaml`) and its run (`run`)."""
    folder = tmp_path_factory.mktemp("stages")
    train(two_stages(folder / "two.yaml", write_cohort(folder / "raw")))
    return folder


def seen_by(folder: Path) -> set[str]:
    """The studies that a run was trained or validated on; a patient of the cohort has one study."""
    return {study for study, split in read_splits(folder / "splits.csv").items() if split != "test"}


def test_no_training_study_is_described_by_a_model_that_saw_it(home):
    run, store = home / "run", Store(home / "run" / "descriptors")
    raw = Store(next((home / "stores").iterdir()))
    splits = read_splits(run / "splits.csv")
    assert dict(zip(store.study_ids, store.splits, strict=True)) == splits
    models = {f"fold-{i}": run / "first" / "extract" / f"fold-{i}" for i in range(FOLDS)}
    described = {name: load_model(folder / "checkpoints" / "best") for name, folder in models.items()}
    training = [row for row, study in enumerate(store.study_ids) if splits[study] == "train"]
    told = {
        name: describe_rows(saved, raw, training, ["image"], logits=True)["image"] for name, saved in described.items()
    }
    for place, row in enumerate(training):
        made_it = [n for n in models if np.allclose(told[n][place], store.read(row).vectors("image"), atol=1e-5)]
        assert len(made_it) == 1
        assert store.study_ids[row] not in seen_by(models[made_it[0]])
    own = load_model(run / "first" / "checkpoints" / "best")
    others = [row for row in range(len(store)) if row not in training]
    for row, vectors in zip(others, describe_rows(own, raw, others, ["image"], logits=True)["image"], strict=True):
        np.testing.assert_allclose(store.read(row).vectors("image"), vectors, atol=1e-5)


def test_both_stages_leave_the_baselines_of_their_rows(home):
    for place in (home / "run", home / "run" / "first"):
        for end, shown in (("", {"metadata"}), ("_slices", {"slice position"})):
            scored = pd.read_csv(place / "predictions" / f"test{end}.csv")
            baselines = pd.read_csv(place / "predictions" / f"test{end}_baselines.csv")
            assert shown < set(baselines["shown"])
            keys = ["study_id", "finding", *(["slice"] if end else [])]
            assert set(map(tuple, baselines[keys].to_numpy())) == set(map(tuple, scored[keys].to_numpy()))
    assert (home / "run" / "studies.csv").read_bytes() == (home / "run" / "first" / "studies.csv").read_bytes()


def test_fold_models_start_from_the_same_weights(home):
    configs = [read_config(path) for path in (home / "run" / "first").glob("extract/fold-*/config.yaml")]
    assert len(configs) == FOLDS
    assert {config.seed for config in configs} == {read_config(home / "run" / "config.yaml").seed}


def test_a_model_that_saw_the_patient_is_refused(home):
    run, raw = home / "run", Store(next((home / "stores").iterdir()))
    words = read_splits(run / "splits.csv")
    splits = Splits(tuple(words[study] for study in raw.study_ids), tuple(raw.patient_ids))
    saved = load_model(run / "first" / "checkpoints" / "best")
    own = stages.Describer(saved, run / "first" / "checkpoints" / "best", splits.patients("train"))
    made = stages.Extraction(run, {"own": own}, ["own"] * len(raw), ["image"], folds=None)
    with pytest.raises(DataError, match="model 'own' has learned from patient 'p"):
        prove_unseen(made, raw)
    held = dataclasses.replace(own, patients=frozenset())
    prove_unseen(dataclasses.replace(made, describers={"own": held}), raw)


def test_what_is_carried_over(home):
    store, raw = Store(home / "run" / "descriptors"), Store(next((home / "stores").iterdir()))
    assert store.study_ids == raw.study_ids
    assert {name: facts.kind for name, facts in store.modalities.items()} == {"image": "vectors", "report": "text"}
    assert store.modalities["image"].logits == len(store.findings) == 2
    assert np.array_equal(store.labels, raw.labels, equal_nan=True)
    assert store.lengths("image").tolist() == raw.lengths("image").tolist()
    for row in (0, 7, 20):
        assert store.read(row).text("report") == raw.read(row).text("report")
        assert store.order_source(row, "image") == raw.order_source(row, "image")
    told = store.description["extracted"]
    assert (told["training_rows"], told["folds"], told["modalities"]) == ("out-of-fold", FOLDS, ["image"])
    assert set(told["weights"]) == {"own", "fold-0", "fold-1"}
    for name in ("card.md", "croissant.json", "quarantine.csv", "splits.csv"):
        assert (store.folder / name).is_file()


def test_the_selection_is_of_training_rows_alone_and_in_the_weights(home):
    run, store = home / "run", Store(home / "run" / "descriptors")
    training = store.splits.rows("train")
    descriptors = np.concatenate([store.read(row).vectors("image")[:, :-2] for row in training])
    given, _ = training_items(store, training, "image", store.findings, seed=0)
    assert len(given) == len(descriptors) == sum(store.lengths("image")[training])
    reference = PCA(5, random_state=0).fit(descriptors)
    weights = load_file(run / "checkpoints" / "best" / "model.safetensors")
    mean, matrix = (weights[f"branches.image.select.{part}"].numpy() for part in ("mean", "matrix"))
    np.testing.assert_allclose(
        np.abs((descriptors - mean) @ matrix), np.abs(reference.transform(descriptors)), atol=1e-4
    )
    facts = json.loads((run / "checkpoints" / "best" / "model.json").read_text())["inputs"]["image"]
    assert (facts["width"], facts["logits"], facts["selected"]) == (store.modalities["image"].width, 2, 5)


def test_predict_answers_from_raw_images(home, tmp_path):
    table = pd.read_csv(home / "run" / "predictions" / "test.csv")
    study = table["study_id"].iloc[0]
    rows = [json.loads(line) for line in (home / "raw" / "metadata.jsonl").read_text().splitlines()]
    (tmp_path / "patient").mkdir()
    for name in next(row for row in rows if row["study_id"] == study)["file_names"]:
        shutil.copy(home / "raw" / name, tmp_path / "patient")
    # A model folder by itself, as it is given away.
    shutil.copytree(home / "run" / "checkpoints" / "best", tmp_path / "model")
    assert command("predict", tmp_path / "model", tmp_path / "patient", "--out", tmp_path / "out") == 0
    (result,) = json.loads((tmp_path / "out" / "predictions.json").read_text())
    wanted = table[(table["shown"] == "image") & (table["study_id"] == study)]
    assert result["shown"] == "image"
    assert result["findings"] == pytest.approx(dict(zip(wanted["finding"], wanted["score"], strict=True)), abs=1e-5)
    assert len(result["slices"]["bleed"]) == result["images"]["image"]


def test_another_first_stage_is_refused(home, tmp_path):
    shutil.copytree(home / "run" / "checkpoints" / "best", tmp_path / "model")
    other = home / "run" / "first" / "extract" / "fold-0" / "checkpoints" / "best" / "model.safetensors"
    shutil.copy(other, tmp_path / "model" / "first" / "model.safetensors")
    with pytest.raises(DataError, match="other weights than those whose descriptors this model was trained on"):
        load_model(tmp_path / "model")


def test_a_run_scores_again(home, tmp_path):
    path = evaluate_run(home / "run", "test", None, tmp_path)
    again, first = pd.read_csv(path), pd.read_csv(home / "run" / "predictions" / "test.csv")
    np.testing.assert_allclose(again["score"], first["score"], atol=1e-6)


def test_killed_between_the_stages_it_goes_on(home, tmp_path, monkeypatch):
    path = two_stages(tmp_path / "two.yaml", home / "raw")

    def killed(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stages, "extract", killed)
        with pytest.raises(KeyboardInterrupt):
            train(path)
    before = (tmp_path / "run" / "first" / "checkpoints" / "best" / "model.safetensors").stat().st_mtime_ns
    run = train(path, resume=True)
    assert (run / "first" / "checkpoints" / "best" / "model.safetensors").stat().st_mtime_ns == before
    left, right = (load_file(r / "checkpoints" / "last.safetensors") for r in (run, home / "run"))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_second_stage_does_not_go_on_with_other_descriptors(home, tmp_path):
    shutil.copytree(home / "run", tmp_path / "run")
    description = tmp_path / "run" / "descriptors" / "dataset.json"
    told = json.loads(description.read_text()) | {"fingerprint": "0" * 32}
    del told["digest"]  # as in a store of before it
    description.write_text(json.dumps(told))
    with pytest.raises(DataError, match="holds descriptors of other weights, another split or other options"):
        train(home / "two.yaml", f"run={tmp_path / 'run'}", resume=True)


def test_descriptors_of_a_single_run(home, tmp_path, capsys):
    raw = yaml.safe_load(write_config(tmp_path / "one.yaml", home / "raw", epochs=1).read_text())
    raw["model"]["heads"] = {"slice": "slice", "study": "study"}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(raw))
    run = train(tmp_path / "one.yaml")
    assert command("extract", run, tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "overconfident; add --folds 5" in line
    assert not (tmp_path / "out").exists()
    assert command("extract", run, tmp_path / "out", "--folds", "2") == 0
    assert {path.name for path in (run / "extract").iterdir()} == {"fold-0", "fold-1"}
    assert command("extract", run, tmp_path / "out", "--folds", "2") == 0
    assert command("extract", run, tmp_path / "more", "--folds", "2", "--modality", "report") == 2
    assert command("extract", run, tmp_path / "more", "--folds", "1") == 2
    second = raw | {"data": {"store": str(tmp_path / "out")}, "run": str(tmp_path / "second")}
    second["model"] = second["model"] | {"inputs": {"image": VECTORS}}
    (tmp_path / "second.yaml").write_text(yaml.safe_dump(second))
    done = train(tmp_path / "second.yaml")
    assert (done / "checkpoints" / "best" / "first" / "model.safetensors").is_file()
    assert (done / "predictions" / "test_slices.csv").is_file()
    with pytest.raises(UsageError, match="were made under its own split"):
        train(tmp_path / "second.yaml", "data.split={}", f"run={tmp_path / 'third'}")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "model.inputs.image={encoder: test_patches}",
            "'test_patches' reads images, but the second stage gets 'image'",
        ),
        ("model.inputs.brain={encoder: plain}", "model.inputs.brain: no study in .* has such a modality"),
        ("first.folds=null", "first.folds: the encoder of 'image' is trained"),
    ],
)
def test_a_second_stage_that_cannot_be_is_refused_before_anything_is_trained(home, tmp_path, override, line):
    path = two_stages(tmp_path / "two.yaml", home / "raw")
    with pytest.raises(UsageError, match=line):
        train(path, override)
    assert not (tmp_path / "run" / "first").exists()
