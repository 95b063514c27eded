"""Small cohorts: models out of fold choose the length and calibrate, then one learns from all of their patients."""

from __future__ import annotations

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
from tiny import SIDE, write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.splits.splits import Splits, read_splits
from mmdx.engine.assembly.finals import with_final
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments import run as experiments
from mmdx.engine.experiments.extract import extract_run
from mmdx.engine.experiments.refit import choose_length
from mmdx.engine.inference.model import Model
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.training import loop
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.schema import Component

QUIET = Console(quiet=True)
REFIT = {"type": "refit", "folds": 2}


def train(config: Path, *, resume: bool = False) -> Path:
    return experiments.train(resolve(read_config(config)), name="refit", console=QUIET, resume=resume).run.folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refit")
    return train(write_config(folder / "refit.yaml", write_cohort(folder / "cohort"), final=REFIT))


def test_each_study_of_training_and_validation_is_scored_once_by_a_model_that_had_not_seen_it(run: Path):
    splits = read_splits(run / "splits.csv")
    learnt = {study for study, split in splits.items() if split in ("train", "val")}
    scored = pd.read_csv(run / "predictions" / "val.csv")
    full = scored.loc[(scored["shown"] == "image+report") & (scored["finding"] == "bleed")]
    assert sorted(full["study_id"]) == sorted(learnt)
    held: list[str] = []
    for fold in (0, 1):
        words = read_splits(run / "crossfit" / f"fold-{fold}" / "splits.csv")
        held += [study for study, split in words.items() if split == "val"]
        assert {study for study, split in words.items() if split == "test"} == set(splits) - learnt
    assert sorted(held) == sorted(learnt)
    tested = pd.read_csv(run / "predictions" / "test.csv")
    assert set(tested["study_id"]) == set(splits) - learnt


def test_the_model_that_stays_is_the_one_of_all_these_studies(run: Path, tmp_path: Path, monkeypatch):
    """A plain training on the joined studies, last weights, is the same to the bit."""
    config = resolve(read_config(run / "config.yaml"))
    plain = with_final(config, Component(type="last")).model_copy(update={"run": tmp_path / "plain"})
    with experiments.started(plain, name="plain", resume=False, console=QUIET) as (setting, _):
        everybody = Splits(setting.splits.joined().words, setting.splits.patient_ids)
    monkeypatch.setattr("mmdx.engine.experiments.start.deal", lambda config, store: everybody)
    other = experiments.train(plain, name="plain", console=QUIET).run.folder
    left, right = (load_file(folder / "checkpoints" / "best" / "model.safetensors") for folder in (run, other))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_images_unlike_those_that_the_model_learned_from_are_told_by_what_was_held_out(run: Path):
    model = Model.load(run)
    rng = np.random.default_rng(1)
    like = [rng.normal(90, 25, (2, SIDE, SIDE)).clip(0, 255).astype(np.uint8) for _ in range(10)]
    apart = [model.predict(pixels)[0].apart["image"] for pixels in like]
    assert sum(share > 1 for share in apart) <= 2
    unlike = model.predict(np.full((2, SIDE, SIDE), 255, np.uint8))[0]
    assert unlike.apart["image"] > max(1, *apart)
    assert unlike.standing.meaning[0].startswith("warning: image is unlike the training images")


def test_out_of_fold_scores_and_the_model_are_calibrated_alike(run: Path):
    final = json.loads((run / "final.json").read_text())
    assert (final["epochs"], final["of"], final["folds"]) == (2, 2, 2)
    assert len(final["log_losses"]) == 2
    calibration = load_model(run / "checkpoints" / "best").model.answering["study"].calibration
    raw = json.loads((run / "checkpoints" / "best" / "calibration.json").read_text())["study"]
    assert calibration.scale.tolist() == pytest.approx(list(raw["scale"].values()))
    fold = pd.read_csv(run / "crossfit" / "fold-0" / "predictions" / "val.csv").set_index(
        ["study_id", "shown", "finding"]
    )
    whole = pd.read_csv(run / "predictions" / "val.csv").set_index(["study_id", "shown", "finding"])["score"]
    odds = np.log(fold["score"] / (1 - fold["score"]))
    findings = odds.index.get_level_values("finding")
    scaled = odds * findings.map(raw["scale"]) + findings.map(raw["shift"])
    assert whole[odds.index].to_numpy() == pytest.approx((1 / (1 + np.exp(-scaled))).to_numpy(), abs=1e-5)
    assert "chose that length, calibrated" in (run / "card.md").read_text()


def test_validation_studies_cannot_be_scored_by_a_model_that_learned_from_them(run: Path):
    with pytest.raises(UsageError, match="--split val: the model has learned from these studies"):
        evaluate_run(run, "val", None, None)
    before = (run / "predictions" / "test.csv").read_bytes()
    evaluate_run(run, "test", None, None)
    assert (run / "predictions" / "test.csv").read_bytes() == before


@pytest.mark.parametrize("steps", [3, 8, 13])
def test_killed_anywhere_and_resumed_the_run_is_the_same_to_the_bit(run: Path, tmp_path: Path, monkeypatch, steps: int):
    config = write_config(tmp_path / "refit.yaml", write_cohort(tmp_path / "cohort"), final=REFIT)
    taken, log_step = [], loop.log_step

    def stop(*arguments: object) -> None:
        log_step(*arguments)
        taken.append(1)
        if len(taken) == steps:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "log_step", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    monkeypatch.undo()
    resumed = train(config, resume=True)
    for name in ("checkpoints/best/model.safetensors", "predictions/test.csv", "predictions/val.csv", "final.json"):
        assert (resumed / name).read_bytes() == (run / name).read_bytes(), name


def test_fold_models_describe_all_studies_that_the_refitted_model_has_learned_from(tmp_path: Path):
    config = write_config(
        tmp_path / "one.yaml", write_cohort(tmp_path / "cohort"), final={"type": "refit", "folds": 1}, epochs=1
    )
    folder = train(config)
    store = extract_run(RunLayout(folder), tmp_path / "described", folds=2, console=QUIET)
    learnt = {study for study, split in read_splits(folder / "splits.csv").items() if split in ("train", "val")}
    held: list[str] = []
    for fold in (0, 1):
        words = read_splits(folder / "extract" / f"fold-{fold}" / "splits.csv")
        held += [study for study, split in words.items() if split == "test"]
    assert learnt <= set(held)
    assert dict(zip(store.study_ids, store.splits, strict=True)) == read_splits(folder / "splits.csv")


def test_one_fold_holds_out_the_validation_studies_alone(tmp_path: Path):
    config = write_config(
        tmp_path / "one.yaml", write_cohort(tmp_path / "cohort"), final={"type": "refit", "folds": 1}, epochs=1
    )
    folder = train(config)
    splits = read_splits(folder / "splits.csv")
    scored = set(pd.read_csv(folder / "predictions" / "val.csv")["study_id"])
    assert scored == {study for study, split in splits.items() if split == "val"}


def test_a_refitted_run_without_its_models_out_of_fold_is_still_one(tmp_path: Path):
    config = write_config(
        tmp_path / "one.yaml", write_cohort(tmp_path / "cohort"), final={"type": "refit", "folds": 1}, epochs=1
    )
    folder = train(config)
    scores = (folder / "predictions" / "val.csv").read_bytes()
    shutil.rmtree(folder / "crossfit")
    train(config, resume=True)
    assert (folder / "predictions" / "val.csv").read_bytes() == scores


def test_a_run_that_began_before_there_was_a_rule_goes_on_as_it_began(tmp_path: Path):
    config = write_config(tmp_path / "old.yaml", write_cohort(tmp_path / "cohort"), epochs=1)
    folder = train(config)
    weights = (folder / "checkpoints" / "best" / "model.safetensors").read_bytes()
    for path in (config, folder / "config.yaml"):
        raw = yaml.safe_load(path.read_text())
        del raw["train"]["final"]
        path.write_text(yaml.safe_dump(raw))
    train(config, resume=True)
    assert not (folder / "crossfit").exists()
    assert (folder / "checkpoints" / "best" / "model.safetensors").read_bytes() == weights


def logs(folder: Path, *losses: list[float], aurocs: list[float] | None = None) -> list[Path]:
    paths = []
    for fold, values in enumerate(losses):
        paths.append(folder / f"{fold}.jsonl")
        areas = aurocs or [0.75] * len(values)
        pairs = enumerate(zip(values, areas, strict=True))
        lines = [{"step": n, "epoch": n + 1, "val_log_loss": loss, "val_auroc": area} for n, (loss, area) in pairs]
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return paths


RISING = [0.6, 0.3, 0.3, 0.3, 0.6, 0.9]


def test_a_training_is_cut_short_where_all_folds_say_so(tmp_path: Path):
    assert choose_length(logs(tmp_path, RISING, RISING, RISING), 6).epochs == 3


def test_a_training_is_not_cut_short_where_ranks_would_be_lost(tmp_path: Path):
    climbing = [0.5, 0.6, 0.65, 0.7, 0.75, 0.8]
    assert choose_length(logs(tmp_path, RISING, RISING, RISING, aurocs=climbing), 6).epochs == 6
    unknown = [float("nan")] * 6
    assert choose_length(logs(tmp_path, RISING, RISING, RISING, aurocs=unknown), 6).epochs == 6


def test_fewer_than_three_folds_cut_nothing_short(tmp_path: Path):
    length = choose_length(logs(tmp_path, RISING, RISING), 6)
    assert (length.epochs, length.log_losses) == (6, tuple(RISING))


def test_a_training_goes_to_its_end_where_the_gain_is_small_or_the_folds_disagree(tmp_path: Path):
    flat = [0.6, 0.5, 0.499, 0.5, 0.5, 0.5]
    assert choose_length(logs(tmp_path, flat, flat, flat), 6).epochs == 6
    falling = [0.9, 0.8, 0.7, 0.6, 0.4, 0.2]
    rising = [0.3, 0.2, 0.3, 0.6, 0.8, 0.9]
    assert choose_length(logs(tmp_path, falling, rising, falling, rising), 6).epochs == 6


def test_an_epoch_that_was_not_judged_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match="judges 2 of 3 epochs"):
        choose_length(logs(tmp_path, [0.5, 0.4]), 3)
