"""Training: exact resume, several processes, refusals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
import torch
from huggingface_hub import EvalResult, ModelCard
from rich.console import Console
from safetensors.torch import load_file
from stopping import stopped_in_step
from tiny import write_cohort, write_config

from mmdx.config_file import parse_config, read_config
from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.training import loop, plan
from mmdx.errors import DataError, UsageError
from mmdx.files import ModelLayout
from mmdx.models.heads.base import FindingsHead
from mmdx.stats.metrics.evaluate import Judgement
from mmdx.strangers.sealed import write_sealed

ROOT = Path(__file__).parents[3]
QUIET = Console(quiet=True)
PATHS = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": PATHS, "ACCELERATE_USE_CPU": "true"}


def train(config: Path, *overrides: str, resume: bool = False) -> Path:
    return experiments.train(
        resolve(read_config(config, overrides)), name=config.stem, console=QUIET, resume=resume
    ).run.folder


def launch(config: Path, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """`accelerate launch train.py`, as a user types it."""
    launcher = ["-m", "accelerate.commands.launch", "--cpu", *options]
    command = [sys.executable, *launcher, str(ROOT / "train.py"), str(config), *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def on_processes(count: int, *arguments: str) -> None:
    """A script on several processes of the CPU (`accelerate launch --cpu` starts one, whatever it is told)."""
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
    done = subprocess.run([sys.executable, *several, *arguments], env=ENVIRONMENT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "last.safetensors")


def same_weights(left: Path, right: Path) -> bool:
    first, second = weights(left), weights(right)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def cohort(tmp_path) -> Path:
    return write_cohort(tmp_path / "raw")


def test_a_run_leaves_what_it_promises(cohort, tmp_path):
    run = train(write_config(tmp_path / "tiny.yaml", cohort))
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    promised = {"config.yaml", "environment.json", "log.jsonl", "metrics.json", "card.md", "splits.csv"}
    promised |= {"predictions/val.csv", "predictions/test.csv", "checkpoints/last.safetensors"}
    promised |= {"predictions/val_baselines.csv", "predictions/test_baselines.csv", "studies.csv", "reporting.md"}
    promised |= {f"checkpoints/best/{name}" for name in ("config.yaml", "model.json", "model.safetensors")}
    assert promised <= names
    assert any(name.startswith("tensorboard/") for name in names)
    table = pd.read_csv(run / "predictions" / "test.csv")
    assert table.groupby("shown")["study_id"].nunique().nunique() == 1
    assert set(table["shown"]) == {"image+report", "image", "report"}
    assert not table.duplicated(["study_id", "shown", "finding"]).any()
    assert set(table["order_source"].dropna()) == {"image:given"}
    assert json.loads((run / "environment.json").read_text())["processes"] == 1
    for split in ("val", "test"):
        stands_on_the_same_rows(run / "predictions", split)
    facts = pd.read_csv(run / "studies.csv")
    assert list(facts.columns[3:]) == ["number of images", "order source of image", "having a report"]
    assert facts.iloc[:, :3].equals(pd.read_csv(run / "splits.csv"))
    for cited in re.findall(r"\(([\w./-]+\.(?:json|yaml|csv|jsonl)): ", (run / "reporting.md").read_text()):
        assert cited in names or cited == "dataset.json"
    card = ModelCard((run / "card.md").read_text())
    assert card.data.library_name == "mmdx"
    assert card.data.license is None
    estimates = json.loads((run / "metrics.json").read_text())["estimates"]
    told = {(r.metric_args["shown"], r.metric_args["finding"], r.metric_type): r.metric_value for r in results(card)}
    for one in estimates:
        if one["arm"] == "image+report" and one["metric"] == "auroc":
            value = told["image+report", one["finding"] or "macro mean", "roc_auc"]
            assert value == pytest.approx(one["value"], abs=1e-4)


def results(card: ModelCard) -> list[EvalResult]:
    """What a program finds in the front matter of a card."""
    return card.data.eval_results


def stands_on_the_same_rows(folder: Path, split: str) -> None:
    """Each baseline has a score for every row, patient and label of the model's own file."""
    keys = ["study_id", "patient_id", "finding", "label"]
    model, baselines = (pd.read_csv(folder / f"{split}{end}.csv", dtype=str) for end in ("", "_baselines"))
    assert list(baselines.columns) == list(model.columns)
    own = model.loc[model["shown"] == "image+report", keys].reset_index(drop=True)
    assert list(baselines["shown"].unique()) == ["constant", "metadata", "TF-IDF report"]
    for _, rows in baselines.groupby("shown"):
        assert rows[keys].reset_index(drop=True).equals(own)
        assert rows["score"].astype(float).between(0, 1).all()


def test_killed_at_any_step_and_resumed_is_bit_for_bit_the_same(cohort, tmp_path):
    whole = train(write_config(tmp_path / "a.yaml", cohort), f"run={tmp_path / 'whole'}")
    steps = [json.loads(line)["step"] for line in (whole / "log.jsonl").read_text().splitlines()]
    for stop in range(1, max(steps), 3):
        run = tmp_path / f"stopped{stop}"
        with stopped_in_step(stop + 1):
            train(tmp_path / "a.yaml", f"run={run}")
        train(tmp_path / "a.yaml", f"run={run}", resume=True)
        assert same_weights(whole, run), f"stopped in step {stop + 1}"
        losses = [[json.loads(x).get("loss") for x in (r / "log.jsonl").read_text().splitlines()] for r in (whole, run)]
        assert losses[0] == losses[1]


def test_kill_9_then_resume(cohort, tmp_path):
    config = write_config(tmp_path / "a.yaml", cohort, epochs=6)
    whole, run = tmp_path / "whole", tmp_path / "killed"
    assert launch(config, f"run={whole}").wait() == 0
    killed, log = launch(config, f"run={run}"), run / "log.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.is_file() and log.read_text().count("\n") >= 8):
        time.sleep(0.01)
    for pid in _family(killed.pid):
        os.kill(pid, signal.SIGKILL)
    killed.wait()
    assert 8 <= log.read_text().count("\n") < (whole / "log.jsonl").read_text().count("\n")
    assert launch(config, f"run={run}", "--resume").wait() == 0
    assert same_weights(whole, run)
    assert (run / "metrics.json").read_text() == (whole / "metrics.json").read_text().replace("whole", "killed")


def test_launched_with_fewer_processes_than_asked_for_it_says_so(cohort, tmp_path):
    config = write_config(tmp_path / "a.yaml", cohort, epochs=1)
    asked = launch(config, options=("--num_processes", "2"))
    said = " ".join(asked.communicate()[0].split())
    assert asked.returncode == 0
    assert "one process: accelerate launch --cpu starts no more" in said
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["processes"] == 1


def test_two_processes_with_the_report_on_one_of_them(tmp_path):
    cohort = write_cohort(tmp_path / "raw", reports=3)
    config = write_config(tmp_path / "a.yaml", cohort, studies=1, epochs=1)
    on_processes(2, str(ROOT / "train.py"), str(config), "train.slices=4")
    table = pd.read_csv(tmp_path / "run" / "predictions" / "test.csv")
    assert not table.duplicated(["study_id", "shown", "finding"]).any()
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["processes"] == 2


def test_any_number_of_processes_and_any_batch_size_predict_the_same(cohort, tmp_path):
    config = write_config(tmp_path / "a.yaml", cohort, epochs=1)
    run = train(config)
    alone = pd.read_csv(run / "predictions" / "test.csv")
    script = "from pathlib import Path; from mmdx.engine.scoring.evaluate import evaluate_run; import sys; "
    script += "evaluate_run(Path(sys.argv[1]), 'test', None, Path(sys.argv[2]))"
    (tmp_path / "score.py").write_text(script)
    for processes in (2, 3):
        on_processes(processes, str(tmp_path / "score.py"), str(run), str(tmp_path / f"out{processes}"))
        _same_scores(alone, pd.read_csv(tmp_path / f"out{processes}" / "test.csv"))
    best = ModelLayout(run / "checkpoints" / "best")
    best.config.write_text(best.config.read_text().replace("studies: 6", "studies: 1"))
    write_sealed(
        best.facts,
        {k: v for k, v in json.loads(best.facts.read_text()).items() if k not in ("digest", "beside")},
        [best.config],
    )
    path = evaluate_run(run, "test", None, tmp_path / "single")
    _same_scores(alone, pd.read_csv(path))


def test_withheld_modality_is_never_read(cohort, tmp_path):
    """Scores with the image alone are those of the same studies without any report."""
    run = train(write_config(tmp_path / "a.yaml", cohort, epochs=1))
    first = evaluate_run(run, "test", [("image",)], tmp_path / "image")
    table = pd.read_csv(run / "predictions" / "test.csv")
    _same_scores(table[table["shown"] == "image"].reset_index(drop=True), pd.read_csv(first))


def test_accumulated_batches_make_one_step(cohort, tmp_path):
    run = train(write_config(tmp_path / "a.yaml", cohort, epochs=1, accumulate=3, studies=2))
    steps = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if '"loss"' in line]
    # 24 training studies in batches of at most 2, three batches a step.
    assert len(steps) == 4


def test_a_loss_that_is_not_finite_names_its_studies(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(FindingsHead, "loss", lambda head, logits, batch: logits.sum() * torch.nan)
    with pytest.raises(DataError) as caught:
        train(write_config(tmp_path / "a.yaml", cohort))
    assert re.search(r"epoch 1, step 1: loss is nan, and nothing was stepped; .*s\d\d", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_new_run_builds_its_model_to_plan_and_to_train_a_resumed_one_to_train_alone(cohort, tmp_path, monkeypatch):
    built, build_model = [], loop.build_model
    for module in (loop, plan):
        monkeypatch.setattr(module, "build_model", lambda *parts: built.append(1) or build_model(*parts))
    config = write_config(tmp_path / "a.yaml", cohort, epochs=1)
    train(config)
    assert len(built) == 2
    train(config, resume=True)
    assert len(built) == 3


def test_early_stop_keeps_the_best(cohort, tmp_path, monkeypatch):
    scores = iter([0.9, 0.8, 0.7, 0.95, 0.1])
    monkeypatch.setattr(loop, "validate", lambda training: Judgement(next(scores), 0.5, "auroc"))
    run = train(write_config(tmp_path / "a.yaml", cohort, epochs=5, patience=2))
    validated = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if "val_auroc" in line]
    assert [entry["val_auroc"] for entry in validated] == [0.9, 0.8, 0.7]


def test_a_taken_folder_is_never_replaced(cohort, tmp_path):
    config = write_config(tmp_path / "a.yaml", cohort, epochs=1)
    train(config)
    with pytest.raises(UsageError, match="holds a run already"):
        train(config)
    with pytest.raises(UsageError, match=r"another train\.lr"):
        train(config, "train.lr=0.5", resume=True)


def _same_scores(left: pd.DataFrame, right: pd.DataFrame) -> None:
    keys = ["study_id", "shown", "finding"]
    pd.testing.assert_frame_equal(left[[*keys, "score"]], right[[*keys, "score"]], atol=1e-5, rtol=1e-5)


def _family(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *(member for child in found for member in _family(int(child)))]


@pytest.mark.parametrize(
    ("judge", "primary", "expected"), [("studies", None, 0.5), ("studies", "bleed", 1.0), ("slices", None, 0.5)]
)
def test_epochs_are_judged_by_studies_or_by_slices_and_by_the_primary_finding(monkeypatch, judge, primary, expected):
    """Studies are ranked rightly for bleed and wrongly for mass, slices are all alike."""
    studies = ["s1", "s2"]
    bleed = pd.DataFrame({"study_id": studies, "finding": "bleed", "label": [0.0, 1.0], "score": [0.1, 0.9]})
    labels = pd.concat([bleed, bleed.assign(finding="mass", label=[1.0, 0.0])])
    monkeypatch.setattr(loop, "score_rows", lambda *_, **__: (labels, labels.assign(score=0.5)))
    monkeypatch.setattr(loop, "counted", lambda *_: None)
    raw = {"data": {"store": "unused", "primary": primary}, "train": {"judge": judge}}
    raw["model"] = {"inputs": {"image": "test_patches"}}
    parts = {"config": parse_config(raw, "test"), "splits": Splits(("val", "val")), "store": None, "accelerator": None}
    training = object.__new__(loop.Training)
    training.progress = loop.Progress()
    training.setting, training.saved = cast(Any, SimpleNamespace(**parts)), cast(Any, None)
    judgement = loop.validate(training)
    assert judgement is not None
    assert judgement.auroc == expected
