"""Which folder a training takes, and what is wrong with one that it may not take."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mmdx.config_file import dump_config, parse_config
from mmdx.data.store.lock import LOCK
from mmdx.engine.runs.folder import changed_keys, chosen_run, free_run, is_concluded, model_folder
from mmdx.errors import UsageError
from mmdx.files import ModelLayout, RunLayout, write_text
from mmdx.schema import Config


def config_of(**sections: Any) -> Config:
    return parse_config({"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}, **sections}, "test")


def write_run(folder: Path, config: Config | None = None) -> Path:
    write_text(RunLayout(folder).config, dump_config(config or config_of()))
    return folder


def choose_run(config: Config, name: str, *, resume: bool) -> Path:
    free = None if resume else free_run(config, name)
    with chosen_run(config, name, resume=resume) as chosen:
        assert chosen.resume == resume
        assert chosen.lines() == []
        assert free in (None, chosen.folder)
        return chosen.folder


def stopped(folder: Path, *files: str) -> Path:
    """What a training leaves that is killed after it has written these files."""
    for name in (LOCK, *files):
        write_text(folder / name, "")
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


def test_trainings_of_one_name_that_start_together_go_to_folders_of_their_own() -> None:
    with ExitStack() as stack:
        runs = [stack.enter_context(chosen_run(config_of(), "ct", resume=False)) for _ in range(4)]
        assert [run.folder for run in runs] == [Path(f"runs/ct-{number}") for number in (1, 2, 3, 4)]
    assert list(Path("runs").iterdir()) == []  # nothing was trained


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_is_being_trained_is_refused(resume: bool) -> None:
    config = config_of(run="mine")
    if resume:
        write_run(stopped(Path("mine"), "checkpoints/last.safetensors"), config)
    with (
        chosen_run(config, "ct", resume=resume),
        pytest.raises(UsageError, match=r"^mine: is being trained by process \d+ on .*; wait for it to end, or choose"),
        chosen_run(config, "ct", resume=resume),
    ):
        pass
    assert choose_run(config, "ct", resume=resume) == Path("mine")


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    "files",
    [
        (),
        ("splits.csv",),
        ("splits.csv", "environment.json.partial"),
        ("folds.csv", "fold-0/splits.csv"),
        ("checkpoints/best/tokenizers/report/tokenizer.json", "checkpoints/best/first/model.safetensors"),
        ("log.jsonl", "tensorboard/events.out.tfevents.1", "checkpoints/last.safetensors.partial"),
    ],
)
def test_a_run_stopped_before_its_first_state_begins_anew(resume: bool, files: tuple[str, ...]) -> None:
    for config in (config_of(run="mine"), config_of()):
        folder = stopped(config.run or Path("runs/ct-1"), *files)
        with chosen_run(config, "ct", resume=resume) as chosen:
            assert (chosen.folder, chosen.resume) == (folder, False)
            said = f"{folder}: was stopped before its first state, and begins anew"
            assert chosen.lines() == ([said] if files or resume else [])
            assert [path.name for path in folder.iterdir()] == [LOCK]


@pytest.mark.parametrize("resume", [False, True])
def test_a_config_of_its_own_is_all_that_a_run_stopped_early_may_change(resume: bool) -> None:
    write_run(stopped(Path("mine"), "splits.csv"), config_of(seed=3))
    if resume:
        with pytest.raises(UsageError, match=r"^--resume: mine was made with another seed"):
            choose_run(config_of(run="mine"), "ct", resume=True)
    else:
        with chosen_run(config_of(run="mine"), "ct", resume=False) as chosen:
            assert not RunLayout(chosen.folder).config.exists()


@pytest.mark.parametrize(
    "files",
    [
        ("checkpoints/last.safetensors",),
        ("checkpoints/best/model.safetensors",),
        ("fold-0/checkpoints/last.safetensors",),
        ("predictions/val.csv",),
        ("notes.txt",),
    ],
)
def test_what_a_training_has_come_to_and_files_of_others_stay(files: tuple[str, ...]) -> None:
    for folder in (Path("mine"), Path("runs/ct-1")):
        write_run(stopped(folder, *files))
    with pytest.raises(UsageError, match=r"^mine: holds a run already"):
        choose_run(config_of(run="mine"), "ct", resume=False)
    assert choose_run(config_of(run="mine"), "ct", resume=True) == Path("mine")
    assert choose_run(config_of(), "ct", resume=False) == Path("runs/ct-2")
    assert all((Path("mine") / name).is_file() for name in files)


def test_a_folder_that_no_training_has_claimed_is_left_as_it_is() -> None:
    for folder in (Path("mine"), Path("runs/ct-1")):
        write_text(folder / "config.yaml.partial", "of the user's own")
    with pytest.raises(UsageError, match=r"^mine: holds a run already"):
        choose_run(config_of(run="mine"), "ct", resume=False)
    with pytest.raises(UsageError, match=r"^--resume: no run to resume in mine"):
        choose_run(config_of(run="mine"), "ct", resume=True)
    assert choose_run(config_of(), "ct", resume=False) == Path("runs/ct-2")
    assert [path.name for path in Path("mine").iterdir()] == ["config.yaml.partial"]


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
