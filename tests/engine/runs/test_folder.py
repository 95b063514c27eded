"""Which folder a training takes, and what is wrong with one that it may not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmdx.config_file import dump_config, parse_config
from mmdx.engine.runs.folder import changed_keys, choose_run, is_concluded, model_folder
from mmdx.errors import UsageError
from mmdx.files import ModelLayout, RunLayout, write_text
from mmdx.schema import Config


def config_of(**sections: Any) -> Config:
    return parse_config({"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}, **sections}, "test")


def write_run(folder: Path, config: Config | None = None) -> Path:
    write_text(RunLayout(folder).config, dump_config(config or config_of()))
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_are_numbered_and_the_last_is_gone_on_with() -> None:
    assert choose_run(config_of(), "ct", resume=False) == Path("runs/ct-1")
    for name in ("ct-9", "ct-10", "xray-30"):
        write_run(Path("runs") / name)
    assert choose_run(config_of(), "ct", resume=False) == Path("runs/ct-11")
    assert choose_run(config_of(), "ct", resume=True) == Path("runs/ct-10")


def test_a_folder_that_a_config_names_must_be_free() -> None:
    config = config_of(run="mine")
    assert choose_run(config, "ct", resume=False) == Path("mine")
    write_run(Path("mine"))
    with pytest.raises(UsageError, match=r"^mine: holds a run already; add --resume to go on with it"):
        choose_run(config, "ct", resume=False)
    assert choose_run(config, "ct", resume=True) == Path("mine")


def test_only_a_run_of_the_same_config_is_resumed() -> None:
    with pytest.raises(UsageError, match=r"^--resume: no run to resume in runs/ct-\*; train without --resume"):
        choose_run(config_of(), "ct", resume=True)
    write_run(Path("runs/ct-1"), config_of(seed=3, train={"epochs": 2}))
    with pytest.raises(UsageError, match=r"^--resume: runs/ct-1 was made with another train\.epochs, seed; use its"):
        choose_run(config_of(), "ct", resume=True)


def test_where_a_config_lies_is_no_change() -> None:
    assert changed_keys(config_of(run="a"), config_of(run="b")) == []
    first = {"model": {"inputs": {"image": "timm"}}, "folds": 3}
    assert changed_keys(config_of(), config_of(first=first)) == ["first"]
    assert changed_keys(config_of(first=first), config_of(first=first | {"folds": 2})) == ["first.folds"]


def test_a_run_folder_and_the_model_folder_in_it_are_the_same_model(home: Path) -> None:
    best = RunLayout(home / "run").best
    write_text(ModelLayout(best).facts, "{}")
    assert model_folder(home / "run") == model_folder(best) == best


def test_a_folder_without_one_model_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="neither a run folder nor a model folder"):
        model_folder(home)
    write_text(RunLayout(write_run(home)).folds, "study_id,patient_id,fold\ns,p,0\nt,q,1\n")
    with pytest.raises(UsageError, match=r"has no model yet, not finished: 0 of 2 folds; .*a fold, such as .*fold-0$"):
        model_folder(home)


def test_a_run_without_weights_says_how_far_it_is_and_what_goes_on_with_it(home: Path) -> None:
    run = RunLayout(write_run(Path("my runs")))
    write_text(run.splits, "study_id,patient_id,split\n")
    write_text(ModelLayout(run.best).facts, "{}")
    going_on = "mmdx train 'my runs/config.yaml' 'run=my runs' --resume"
    for asked in (run.folder, run.best):
        with pytest.raises(
            UsageError, match=rf"^{asked}: has no model yet, not finished: epoch 0 of 20; .*{going_on}$"
        ):
            model_folder(asked)
    write_text(ModelLayout(run.best).weights, "")
    assert model_folder(run.folder) == run.best


def test_a_longer_training_is_another_one() -> None:
    write_run(Path("runs/ct-1"), config_of(train={"epochs": 2}))
    with pytest.raises(UsageError, match=r"2 epochs, not of 20: .*; go on with train\.epochs=2, or train anew: run="):
        choose_run(config_of(), "ct", resume=True)


def test_a_run_with_a_card_is_concluded(home: Path) -> None:
    assert not is_concluded(RunLayout(home))
    write_text(RunLayout(home).card, "# Model\n")
    assert is_concluded(RunLayout(home))
