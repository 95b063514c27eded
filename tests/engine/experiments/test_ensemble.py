"""Runs as one model: the means of their scores, a run folder like any other, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.ensemble import ensemble_runs
from mmdx.engine.experiments.extract import extract_run
from mmdx.engine.experiments.run import evaluate, train
from mmdx.engine.runs.claim import claim, claimed
from mmdx.engine.scoring.evaluate import Scoring
from mmdx.errors import UsageError
from mmdx.files import RunLayout

QUIET = Console(quiet=True)
KEYS = ["study_id", "patient_id", "shown", "finding"]


def train_run(home: Path, name: str, *overrides: str) -> Path:
    config = resolve(read_config(home / "tiny.yaml", [f"run={home / name}", *overrides]))
    return train(config, name=name, console=QUIET).run.folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `a` and `b` of two seeds, and their ensemble `both`."""
    home = tmp_path_factory.mktemp("seeds")
    write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    train_run(home, "a")
    train_run(home, "b", "seed=1")
    ensemble_runs(home / "both", [home / "a", home / "b"], console=QUIET)
    return home


def scores(run: Path, split: str = "test") -> pd.DataFrame:
    return pd.read_csv(run / "predictions" / f"{split}.csv").set_index(KEYS)


def logit(values: pd.Series) -> np.ndarray:
    return np.log(values.to_numpy() / (1 - values.to_numpy()))


@pytest.mark.parametrize("split", ["val", "test"])
def test_scores_are_those_of_the_mean_logit_and_spread_is_between_members(home: Path, split: str):
    one, other, both = (scores(home / name, split) for name in ("a", "b", "both"))
    assert both.index.equals(one.index)
    assert list(both["label"]) == list(one["label"])
    assert logit(both["score"]) == pytest.approx((logit(one["score"]) + logit(other["score"])) / 2, abs=1e-4)
    gaps = (one["score"] - other["score"]).abs().to_numpy()
    assert both["spread"].to_numpy() == pytest.approx(gaps / np.sqrt(2), abs=1e-5)


def test_it_is_a_run_folder_that_says_what_it_is_made_of(home: Path):
    run = RunLayout(home / "both")
    for path in (run.config, run.environment, run.splits, run.studies, run.audit, run.metrics, run.reporting, run.card):
        assert path.is_file()
    assert run.splits.read_bytes() == RunLayout(home / "a").splits.read_bytes()
    members = json.loads(run.members.read_text())
    assert [(Path(member["run"]).name, member["seed"]) for member in members] == [("a", 0), ("b", 1)]
    card = run.card.read_text()
    assert "Trained with seeds 0, 1, one per member of an ensemble" in card
    assert "An ensemble of 2 models, those of `a` (seed 0), `b` (seed 1)" in card
    assert pd.read_csv(run.scores("test", "_baselines"))["shown"].unique().tolist() == [
        "constant",
        "metadata",
        "TF-IDF report",
    ]
    assert "patch" in run.reporting.read_text()


def test_it_moves_and_is_evaluated_again(home: Path, tmp_path: Path):
    shutil.copytree(home / "both", tmp_path / "moved")
    shown = evaluate(tmp_path / "moved", show=["image"], out=tmp_path / "out")
    again = pd.read_csv(shown.path).set_index(KEYS)
    expected = scores(home / "both").loc[again.index]
    assert again["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-6)
    assert again["spread"].to_numpy() == pytest.approx(expected["spread"].to_numpy(), abs=1e-6)
    with pytest.raises(UsageError, match=r"--grad-cam: .*moved is an ensemble; give one of its members"):
        evaluate(tmp_path / "moved", out=tmp_path / "out", scoring=Scoring(grad_cam=True))


def test_an_ensemble_among_the_runs_is_its_members(home: Path, tmp_path: Path):
    train_run(home, "c", "seed=2")
    ensemble_runs(tmp_path / "three", [home / "both", home / "c"], console=QUIET)
    assert len(load_model(tmp_path / "three" / "checkpoints" / "best").members) == 3
    assert len(json.loads((tmp_path / "three" / "members.json").read_text())) == 3


def test_what_one_run_learned_from_is_not_scored_as_test(home: Path, tmp_path: Path):
    dealt = train_run(home, "dealt", "data.split.seed=7", "data.split.val=0.3", "data.split.test=0.4")
    both = ensemble_runs(tmp_path / "out", [home / "a", dealt], console=QUIET).run
    splits = {name: pd.read_csv(name / "splits.csv").set_index("study_id")["split"] for name in (home / "a", dealt)}
    test = {study for study in splits[dealt].index if {words[study] for words in splits.values()} == {"test"}}
    assert 0 < len(test) < 7
    assert set(pd.read_csv(both.scores("test"))["study_id"]) == test


def test_what_is_refused_before_anything_is_written(home: Path, tmp_path: Path):
    def refused(*runs: Path, out: Path = tmp_path / "out", match: str) -> None:
        with pytest.raises(UsageError, match=match):
            ensemble_runs(out, runs, console=QUIET)
        assert not (tmp_path / "out").exists()

    refused(home / "a", match="give two runs or more, each once")
    refused(home / "a", home / "a", match="give two runs or more, each once")
    refused(home / "a", home / "b", out=home / "both", match="both: holds something already; choose another folder")
    refused(home / "a", tmp_path, match="neither a run folder nor a model folder")
    refused(home / "a", home / "b" / "checkpoints" / "best", match="is no finished run of one split or of folds")
    one = train_run(home, "one", "data.findings=[bleed]")
    refused(home / "a", one, match="findings bleed instead of bleed, fracture, unlike")


def test_members_of_one_split_that_learned_to_describe_are_refused(home: Path, tmp_path: Path):
    for folds in (None, 3):
        with pytest.raises(UsageError, match=r"both: fold models of an ensemble of one split are not trained; extract"):
            extract_run(RunLayout(home / "both"), tmp_path / "out", folds=folds, console=QUIET)


def test_cross_validations_of_the_same_folds_are_joined_fold_by_fold(home: Path, tmp_path: Path):
    runs = [train_run(home, f"cv{seed}", f"seed={seed}", "data.folds.count=2") for seed in (0, 1)]
    joined = ensemble_runs(tmp_path / "cv", runs, console=QUIET)
    parts = [pd.read_csv(run / "predictions" / "test.csv").set_index(KEYS) for run in (*runs, joined.run.folder)]
    means = (logit(parts[0]["score"]) + logit(parts[1]["score"])) / 2
    assert logit(parts[2]["score"]) == pytest.approx(means, abs=1e-4)
    assert list(parts[2]["fold"]) == list(parts[0]["fold"])
    assert len(load_model(joined.run.best).members) == 4
    store = extract_run(joined.run, tmp_path / "described", console=QUIET)
    alone = extract_run(RunLayout(runs[0]), tmp_path / "alone", console=QUIET)
    assert store.modalities["image"].width == 2 * alone.modalities["image"].width
    width = alone.modalities["image"].width
    assert np.array_equal(store.read(3).vectors("image")[:, :width], alone.read(3).vectors("image"))
    with pytest.raises(UsageError, match=r"a: is no cross-validation, unlike .*cv0; its test studies have taught"):
        ensemble_runs(tmp_path / "out", [home / "a", runs[0]], console=QUIET)


def test_what_refitted_members_said_out_of_fold_stands_for_validation(home: Path, tmp_path: Path):
    final = "train.final={type: refit, folds: 1}"
    members = [train_run(home, "refit_a", final), train_run(home, "refit_b", final, "seed=1")]
    ensemble_runs(tmp_path / "refitted", members, console=QUIET)
    one, other, both = (scores(run, "val") for run in (*members, tmp_path / "refitted"))
    assert logit(both["score"]) == pytest.approx((logit(one["score"]) + logit(other["score"])) / 2, abs=1e-4)
    assert "the mean of what they said of these out of fold" in (tmp_path / "refitted" / "card.md").read_text()
    with pytest.raises(UsageError, match="--split val: the model has learned from these studies"):
        evaluate(tmp_path / "refitted", split="val")


def test_one_that_was_stopped_begins_anew(home: Path, tmp_path: Path):
    shutil.copytree(home / "both", tmp_path / "both")
    left = RunLayout(tmp_path / "both")
    left.card.unlink()
    (left.predictions / "test.csv").write_text("study_id,pat")
    (left.folder / "strange").mkdir()
    ensemble_runs(left.folder, [home / "a", home / "b"], console=QUIET)
    assert scores(left.folder).equals(scores(home / "both"))
    assert left.card.is_file()
    assert not (left.folder / "strange").exists()


def test_a_folder_is_one_ensembles_at_a_time_and_what_holds_other_things_is_left(home: Path, tmp_path: Path):
    lock = claim(tmp_path / "out")
    assert lock is not None
    with claimed(tmp_path / "out", lock), pytest.raises(UsageError, match="out: is being made by process"):
        ensemble_runs(tmp_path / "out", [home / "a", home / "b"], console=QUIET)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="other: holds something already"):
        ensemble_runs(tmp_path / "other", [home / "a", home / "b"], console=QUIET)
    assert (tmp_path / "other" / "notes.txt").read_text() == "mine"
