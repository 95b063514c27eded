"""Which run folders are of a training that did not come to its end, and what goes on with each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmdx.files import RunLayout, write_json, write_text
from mmdx.stats.cohort.unfinished import unfinished, unfinished_of


def begun(folder: Path, *, epochs: int = 0, more: str = "") -> Path:
    """A run of 20 epochs, of which so many are done."""
    run = RunLayout(folder)
    write_text(run.config, f"train:\n  epochs: 20\n{more}")
    write_text(run.splits, "study_id,patient_id,split\n")
    lines = [line for e in range(1, epochs + 1) for line in ({"step": e, "epoch": e}, {"epoch": e, "seconds": 1.5})]
    write_text(run.log, "".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sentence(folder: str) -> str:
    standing = unfinished(Path(folder))
    assert standing is not None
    return standing.sentence


def test_a_killed_run_says_how_far_it_is_and_what_goes_on_with_it() -> None:
    begun(Path("runs/a"), epochs=3)
    with RunLayout(Path("runs/a")).log.open("a") as log:
        log.write('{"epoch": 4, "seconds": 1')  # torn by the kill
    going_on = "mmdx train runs/a/config.yaml run=runs/a --resume"
    said = f"not finished: epoch 3 of 20; unless it still runs, go on with {going_on}"
    assert sentence("runs/a") == said
    assert sentence("runs/a/checkpoints/best") == said


def test_a_run_with_its_last_file_and_a_folder_that_is_no_run_are_not_unfinished() -> None:
    write_text(RunLayout(begun(Path("a"), epochs=20)).card, "# Model\n")
    write_json(RunLayout(begun(Path("guided"), more="guidance: {}\n")).recovery, {})
    write_text(Path("b/config.yaml"), "mine: 1\n")
    assert [unfinished(Path(name)) for name in ("a", "a/checkpoints/best", "guided", "b", "none")] == [None] * 5


@pytest.mark.parametrize(
    ("part", "root"),
    [("first", "a"), ("extract/fold-0", "a"), ("fold-1/first/extract/fold-0", "a"), ("superior", "a")],
)
def test_a_part_is_gone_on_with_by_the_whole(part: str, root: str) -> None:
    begun(Path(root))
    begun(Path(root) / "fold-1")
    begun(Path(root) / part, epochs=2)
    assert "epoch 2 of 20" in sentence(f"{root}/{part}")
    assert f"mmdx train {root}/config.yaml run={root} --resume" in sentence(f"{root}/{part}")


def test_models_out_of_fold_are_done_when_their_run_is() -> None:
    run = RunLayout(begun(Path("a")))
    begun(Path("a/crossfit/fold-0"), epochs=20)
    assert "epoch 0 of 20, models out of fold come first; " in sentence("a/crossfit/fold-0")
    write_text(run.card, "# Model\n")
    assert unfinished(Path("a/crossfit/fold-0")) is None


def test_what_only_the_command_that_began_it_goes_on_with() -> None:
    write_text(RunLayout(begun(Path("a"))).card, "# Model\n")
    begun(Path("a/extract/fold-0"), epochs=2)
    assert sentence("a/extract/fold-0").endswith(
        "epoch 2 of 20; unless it still runs, go on with the command that began it"
    )

    write_json(RunLayout(begun(Path("joined"))).members, [])
    assert "an ensemble that is not scored to the end; " in sentence("joined")
    assert sentence("joined").endswith("go on with the command that began it")


def test_stages_and_folds_are_counted() -> None:
    assert "not all of its stages" in sentence(str(begun(Path("guided"), more="guidance: {superior: [a]}\n")))
    assert "epoch 0 of 20, its first stage comes first" in sentence(str(begun(Path("two"), more="first: {folds: 5}\n")))
    assert "epoch 20 of 20, not scored to the end" in sentence(str(begun(Path("long"), epochs=20)))
    begun(Path("cv"))
    write_text(RunLayout(Path("cv")).folds, "study_id,patient_id,fold\na,a,0\nb,b,1\nc,c,1\n")
    write_text(RunLayout(begun(Path("cv/fold-0"))).card, "# Model\n")
    assert "not finished: 1 of 2 folds;" in sentence("cv")


def test_scores_outside_of_a_run_say_when_they_were_made() -> None:
    begun(Path("a"), epochs=5)
    assert "epoch 5 of 20" in str(unfinished_of(None, Path("a")))
    assert unfinished_of({"unfinished": "epoch 3 of 20"}, None) == "not finished: scored at epoch 3 of 20"
    assert unfinished_of({"run": "a"}, Path("a")) is None
