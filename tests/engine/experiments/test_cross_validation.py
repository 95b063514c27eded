"""Cross-validation: each study once, killed and resumed, on several processes, evaluated again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from asking import ask
from huggingface_hub import ModelCard
from rich.console import Console
from safetensors.torch import load_file
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.splits.folds import read_folds
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments import cross_validation as folds
from mmdx.engine.experiments.cross_validation import evaluate_folds
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.model import Model
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.training import loop
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import FoldOptions
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.sources import with_repeats
from mmdx.stats.sections.boxes.measures import box_metrics
from mmdx.stats.sections.folds.section import folds_section

ROOT = Path(__file__).parents[3]
COUNT = "data.folds.count=3"


def cross_validate(config: Path, *overrides: str, resume: bool = False) -> Path:
    asked = resolve(read_config(config, [COUNT, *overrides]))
    return train(asked, name=config.stem, console=Console(quiet=True), resume=resume).run.folder


def keys_of(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["study_id"], table["fold"], strict=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cv")
    return cross_validate(write_config(home / "a.yaml", write_cohort(home / "raw"), epochs=1))


def test_each_study_is_scored_once_by_the_model_that_never_saw_its_patient(finished: Path):
    folds = pd.read_csv(finished / "folds.csv")
    pooled = pd.read_csv(finished / "predictions" / "test.csv")
    assert sorted(folds["fold"].unique()) == [0, 1, 2]
    assert not pooled.duplicated(["study_id", "shown", "finding"]).any()
    assert keys_of(pooled) == keys_of(folds)
    assert len(pooled) == 36 * 3 * 2
    for number, part in pooled.groupby("fold"):
        split = pd.read_csv(finished / f"fold-{number}" / "splits.csv").set_index("patient_id")["split"]
        assert set(split[part["patient_id"]]) == {"test"}
        own = pd.read_csv(finished / f"fold-{number}" / "predictions" / "test.csv")
        assert len(own) == len(part)
        assert set(own["score"]) == set(part["score"])


def test_rows_stand_as_in_the_file_of_one_run(finished: Path):
    pooled = pd.read_csv(finished / "predictions" / "test.csv")
    assert list(pooled["shown"].unique()) == ["image+report", "image", "report"]
    for _, part in pooled.groupby("shown"):
        assert part["study_id"].is_monotonic_increasing


def test_what_a_cross_validation_leaves(finished: Path):
    for name in ("config.yaml", "environment.json", "folds.csv", "metrics.json", "card.md"):
        assert (finished / name).is_file()
    for name in ("splits.csv", "card.md", "checkpoints/best/model.safetensors", "predictions/val.csv", "log.jsonl"):
        assert (finished / "fold-2" / name).is_file()
    assert list((finished / "fold-2" / "tensorboard").glob("events*"))
    found = json.loads((finished / "metrics.json").read_text())
    assert (found["studies"], found["folds"]["count"]) == (36, 3)
    macro = next(r for r in found["folds"]["spread"] if r["metric"] == "auroc" and r["finding"] is None)
    assert macro["arm"] == "image+report"
    assert macro["mean"] == pytest.approx(sum(macro["folds"]) / 3)
    studies = pd.read_csv(finished / "studies.csv")
    assert dict(zip(studies["study_id"], studies["fold"], strict=True)) == read_folds(finished / "folds.csv")
    baselines = pd.read_csv(finished / "predictions" / "test_baselines.csv")
    assert list(baselines["shown"].unique()) == ["constant", "metadata", "TF-IDF report"]
    assert baselines.groupby("shown").size().tolist() == [36 * 2] * 3
    assert keys_of(baselines) == keys_of(studies)
    assert "studies by fold: 0 12 of 12 patients" in (finished / "reporting.md").read_text()
    card = (finished / "card.md").read_text()
    assert ModelCard(card).data.eval_results
    assert "the model that was trained without its patient" in card
    assert "over 3 folds: mean" in card


def test_folds_that_are_dealt_twice_are_two_trainings_of_one_model(tmp_path: Path):
    config = write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw"), epochs=1)
    run = cross_validate(config, "data.folds.count=2", "data.folds.repeats=2")
    again = run / "repeat-1"
    assert read_folds(run / "folds.csv") != read_folds(again / "folds.csv")
    assert read_config(again / "config.yaml").data.folds == FoldOptions(count=2, seed=1)
    assert (again / "fold-1" / "card.md").is_file()
    found = json.loads((run / "metrics.json").read_text())
    assert [arm["seeds"] for arm in found["arms"] if arm["kind"] == "model"] == [2, 2, 2]
    runs, configs = with_repeats([run])
    folds = ask(folds_section, read_cohort(runs, configs=configs), resamples=100)
    assert folds is not None
    assert {(test["folds"], test["deals"]) for test in folds.record["corrected"].values()} <= {(4, 2)}
    assert folds.record["corrected"]


def test_each_fold_tests_a_site(tmp_path: Path):
    raw = write_cohort(tmp_path / "raw")
    rows = [json.loads(line) for line in (raw / "metadata.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["source"] = "north" if number < 16 else "south"
    (raw / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = cross_validate(write_config(tmp_path / "a.yaml", raw, epochs=1), "data.folds.by=source")
    folds = pd.read_csv(run / "folds.csv")
    assert set(zip(folds["fold"], folds["site"], strict=True)) == {(0, "north"), (1, "south")}
    assert (folds["site"] == "north").sum() == 16
    learned = pd.read_csv(run / "fold-0" / "splits.csv").set_index("study_id")["split"]
    assert set(learned[folds.loc[folds["site"] == "north", "study_id"]]) == {"test"}
    section = ask(folds_section, read_cohort([run]), resamples=100)
    assert section is not None
    assert section.record["sites"]["patients"] == {"north": 16, "south": 20}
    assert "by site" in section.sheets[-1].title


def test_a_baseline_that_a_fold_could_not_make_is_left_out_and_said(tmp_path: Path):
    run, head = RunLayout(tmp_path), "study_id,patient_id,shown,finding,label,score\n"
    run.folds.write_text("study_id,patient_id,fold\na,p,0\nb,q,1\n")
    for fold, study in enumerate("ab"):
        place = run.fold(fold).folder
        place.mkdir()
        shown = ["constant", *(["TF-IDF report"] if fold else [])]
        (place / "test.csv").write_text(f"{head}{study},{study},image,bleed,1,0.5\n")
        rows = "".join(f"{study},{study},{name},bleed,1,0.5\n" for name in shown)
        (place / "test_baselines.csv").write_text(head + rows)
    said = folds._pool(run, [run.fold(0).folder, run.fold(1).folder], tmp_path)
    assert said == ["test_baselines.csv: without 'TF-IDF report', which not every fold could make"]
    assert pd.read_csv(tmp_path / "test_baselines.csv")["shown"].tolist() == ["constant", "constant"]


def test_boxes_of_all_folds_are_measured_together(tmp_path: Path):
    run = RunLayout(tmp_path)
    run.folds.write_text("study_id,patient_id,fold\na,p,0\nb,q,1\n")
    truth, corners = "study_id,patient_id,finding,slice,x0,y0,x1,y1\n", {"a": "2,2,8,8", "b": "20,20,30,30"}
    for fold, study in enumerate("ab"):
        place = run.fold(fold).folder
        place.mkdir()
        scores = f"study_id,patient_id,shown,finding,label,score\n{study},{study},image,bleed,1,0.5\n"
        (place / "test.csv").write_text(scores)
        (place / "test_boxes_truth.csv").write_text(f"{truth}{study},{study},bleed,0,2,2,8,8\n")
        found = truth.replace("finding", "shown,finding").strip() + ",score\n"
        (place / "test_boxes.csv").write_text(f"{found}{study},{study},image,bleed,0,{corners[study]},0.9\n")
    folds._pool(run, [run.fold(0).folder, run.fold(1).folder], tmp_path)
    # One of two true boxes is found; the other box points elsewhere.
    assert box_metrics(tmp_path / "test_boxes.csv")["image"]["bleed"]["pointing"].value == 0.5


def test_the_fold_models_are_one_model_for_new_studies(finished: Path):
    members = load_model(model_folder(finished)).members
    assert len(members) == 3
    for number, member in enumerate(members):
        alone = load_model(finished / f"fold-{number}" / "checkpoints" / "best")
        assert all(
            torch.equal(value, alone.model.state_dict()[name]) for name, value in member.model.state_dict().items()
        )
    answer = Model.load(finished).predict(np.full((2, 32, 32), 120, np.uint8))[0]
    assert (answer.members, answer.missing, set(answer.spread)) == (3, ("report",), {"bleed", "fracture"})


def test_evaluated_again_each_fold_by_its_own_model(finished: Path, tmp_path: Path):
    pooled = pd.read_csv(finished / "predictions" / "test.csv")
    again = evaluate_folds(finished, "test", [("image",)], tmp_path)
    assert json.loads((tmp_path / "evaluation.json").read_text())["primary"] is None
    expected = pooled[pooled["shown"] == "image"].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(again), expected, atol=1e-5, rtol=1e-5)
    one = evaluate_run(finished / "fold-1", "test", [("image",)], tmp_path / "one")
    assert keys_of(pd.read_csv(one).assign(fold=1)) <= keys_of(expected)


def test_what_a_cross_validation_refuses(finished: Path):
    with pytest.raises(UsageError, match="--split val: a study is in that split of several folds; evaluate one"):
        evaluate_folds(finished, "val", None, None)
    config = finished.parent / "a.yaml"
    with pytest.raises(UsageError, match="holds a run already"):
        cross_validate(config)
    with pytest.raises(UsageError, match=r"was made with another data\.folds\.seed"):
        cross_validate(config, "data.folds.seed=1", resume=True)


def test_killed_in_the_second_fold_and_resumed(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config, run = finished.parent / "a.yaml", tmp_path / "killed"
    seen: list[str] = []

    def interrupted(setting, progress, rate, losses, log=loop.log_step):
        seen.append(setting.run.folder.name)
        if seen.count("fold-1") == 3:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "log_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cross_validate(config, f"run={run}")
    with pytest.raises(UsageError, match=r"fold-1 is not finished: epoch . of .* mmdx train .*run=.* --resume$"):
        evaluate_folds(run, "test", None, None)
    with pytest.raises(
        UsageError, match=r"no model yet, not finished: . of . folds; .* or name a fold, such as .*fold-0"
    ):
        model_folder(run)
    stamp = (run / "fold-0" / "log.jsonl").stat().st_mtime_ns
    cross_validate(config, f"run={run}", resume=True)
    assert (run / "fold-0" / "log.jsonl").stat().st_mtime_ns == stamp
    for name in ("folds.csv", "predictions/test.csv", *(f"fold-{n}/predictions/val.csv" for n in range(3))):
        assert (run / name).read_bytes() == (finished / name).read_bytes()
    for fold in range(3):
        left, right = (load_file(r / f"fold-{fold}/checkpoints/last.safetensors") for r in (run, finished))
        assert left.keys() == right.keys()
        assert all(torch.equal(left[name], right[name]) for name in left)
    told = (finished / "metrics.json").read_text().replace(str(finished), str(run))
    # An arm, and the audit of its run.
    told = told.replace('"run": "run"', '"run": "killed"').replace('"run": "no leak', '"killed": "no leak')
    assert (run / "metrics.json").read_text() == told


def test_two_processes_share_every_fold(tmp_path: Path):
    config = write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw", patients=20), epochs=1)
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "ACCELERATE_USE_CPU": "true"}
    command = [
        sys.executable,
        *several,
        str(ROOT / "train.py"),
        str(config),
        "data.folds.count=2",
        "data.folds.val=0.4",
    ]
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pooled = pd.read_csv(tmp_path / "run" / "predictions" / "test.csv")
    assert not pooled.duplicated(["study_id", "shown", "finding"]).any()
    assert keys_of(pooled) == keys_of(pd.read_csv(tmp_path / "run" / "folds.csv"))
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["processes"] == 2
