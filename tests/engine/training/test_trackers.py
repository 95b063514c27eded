"""Trackers are told of a training, keep it on this machine, and cannot end it."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import pytest
from accelerate import Accelerator
from accelerate.tracking import TensorBoardTracker
from parts import config_of
from rich.console import Console

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import lacking_parts
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training import trackers
from mmdx.engine.training.trackers import log_results, tracked
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.forest import forest_plots


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where a user works, and a clean environment."""
    for name in trackers.QUIET:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_", "TRACKIO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def setting_of(*names: str) -> Setting:
    config = config_of()
    config = config.model_copy(update={"train": config.train.model_copy(update={"trackers": names})})
    run = RunLayout(Path("runs/a+b"))
    run.best.mkdir(parents=True)
    (run.best / "model.safetensors").write_bytes(b"weights of the model")
    store = object.__new__(Store)  # no store is read
    return Setting(config, run, store, Splits(()), Accelerator(cpu=True), Console(file=io.StringIO(), width=200))


def said(setting: Setting) -> str:
    file = setting.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def scores(place: Path) -> Path:
    rows = [f"s{i},p{i},image+report,bleed,{i % 2},{0.9 if i % 2 else 0.1 * i / 8}" for i in range(16)]
    path = place / "scores.csv"
    path.write_text("\n".join(["study_id,patient_id,shown,finding,label,score", *rows]))
    return path


def forests(place: Path) -> set[str]:
    return {plot.name for plot in forest_plots(compare([scores(place)], resamples=100))}


def train(setting: Setting, place: Path) -> None:
    with tracked(setting):
        setting.accelerator.log({"train/loss": 2.5}, step=1)
        setting.accelerator.log({"train/loss": 1.5, "val/auroc": 0.75}, step=2)
        log_results(setting, compare([scores(place)], resamples=100), 2)
    assert setting.accelerator.trackers == []


def test_tensorboard_lies_in_the_run_folder_with_config_losses_and_results(place: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    setting = setting_of("tensorboard")
    train(setting, place)
    events = EventAccumulator(str(place / "runs" / "a+b" / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 2.5), (2, 1.5)]
    assert events.Scalars("test/image+report/auroc")[0].value == 1.0
    text = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "    train:\n" in text
    assert "trackers" not in said(setting)


def test_mlflow_keeps_parameters_metrics_and_the_model_in_its_own_place(place: Path) -> None:
    setting = setting_of("mlflow")
    train(setting, place)
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("mmdx")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("runs/a+b", "FINISHED")
    assert run.data.params["model.fusion.type"] == setting.config.model.fusion.type
    assert run.data.metrics["test/image:2Breport/auroc"] == 1.0
    assert [metric.value for metric in client.get_metric_history(run.info.run_id, "train/loss")] == [2.5, 1.5]
    assert {file.stem for file in (place / "mlruns").rglob("*.png")} == forests(place)
    kept = list((place / "mlruns").rglob("model.safetensors"))
    assert [file.read_bytes() for file in kept] == [b"weights of the model"]
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_training_that_fails_is_a_failed_one_for_mlflow_and_another_can_begin(place: Path) -> None:
    setting = setting_of("mlflow")
    with pytest.raises(ZeroDivisionError), tracked(setting):
        raise ZeroDivisionError
    with tracked(setting):
        setting.accelerator.log({"train/loss": 2.5}, step=1)
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
    runs = client.search_runs([client.search_experiments(filter_string="name = 'mmdx'")[0].experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]


def test_wandb_is_offline_and_keeps_config_metrics_and_the_model(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(place / "staged"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(place / "cache"))
    setting = setting_of("wandb")
    train(setting, place)
    assert "told no more" not in said(setting), said(setting)
    assert os.environ["WANDB_MODE"] == "offline"
    (log,) = (place / "wandb").glob("offline-run-*/*.wandb")
    end = time.monotonic() + 20  # a process of wandb's own writes it
    while b"model.safetensors" not in (content := log.read_bytes()) and time.monotonic() < end:
        time.sleep(0.1)
    for told in (b"train/loss", b"test/image+report/auroc", b"runs/a+b", b"fusion", b"model.safetensors"):
        assert told in content, told
    pictures = {file.name.partition("_")[0] for file in (place / "wandb").rglob("*.png")}
    assert pictures == forests(place)
    (staged,) = [file for file in (place / "staged").rglob("*") if file.is_file()]
    assert staged.read_bytes() == b"weights of the model"


def test_trackio_keeps_metrics_config_and_the_model_in_its_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(place / "kept"))
    setting = setting_of("trackio")
    train(setting, place)
    assert "trackers: trackio" in said(setting)
    import trackio

    assert place / "kept" == trackio.TRACKIO_DIR  # found once, when it is imported: here
    (run,) = trackio.Api().runs("mmdx")
    assert (run.name, run.config["model.fusion.type"]) == ("runs/a+b", setting.config.model.fusion.type)
    losses = [row["train/loss"] for row in trackio.SQLiteStorage.get_logs("mmdx", "runs/a+b") if "train/loss" in row]
    assert losses == [2.5, 1.5]
    kept = [file for file in (place / "kept").rglob("*") if file.is_file()]
    assert len([file for file in kept if file.suffix == ".png"]) == len(forests(place))
    assert b"weights of the model" in [file.read_bytes() for file in kept]


def test_a_tracker_that_does_not_start_is_one_line(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object) -> None:
        raise ConnectionError("no server at http://nowhere\nand a second line")

    monkeypatch.setattr(TensorBoardTracker, "start", refused)
    setting = setting_of("tensorboard")
    with pytest.raises(UsageError, match=re.escape("train.trackers: tensorboard did not start")), tracked(setting):
        pass
    assert setting.accelerator.trackers == []
    assert said(setting) == ""


def test_a_tracker_that_fails_later_is_told_no_more_and_the_training_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, ended = [], []

    def refused(self: object, values: dict, **kwargs: object) -> None:
        calls.append(values)
        if "train/loss" in values:
            raise ConnectionError("the server is gone")

    monkeypatch.setattr(TensorBoardTracker, "log", refused)
    monkeypatch.setattr(TensorBoardTracker, "finish", lambda self: ended.append(True))
    setting = setting_of("tensorboard")
    train(setting, place)
    assert said(setting) == "train.trackers: tensorboard is told no more: the server is gone\n"
    assert [list(values) for values in calls] == [["config"], ["train/loss"]]
    assert ended == [True]


def test_a_tracker_whose_package_is_missing_is_named_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mmdx import extras

    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "wandb" else found(name))
    raw = {"train": {"trackers": ["tensorboard", "wandb"]}, "first": {"train": {"trackers": ["wandb"]}}}
    line = "needs the package wandb; install it (pip install 'mmdx[trackers]'), or leave it out"
    assert lacking_parts(raw) == [f"{where}: wandb {line}" for where in ("train.trackers", "first.train.trackers")]
    assert lacking_parts({"train": {"trackers": "wandb"}}) == [f"train.trackers: wandb {line}"]
