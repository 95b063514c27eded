"""What a training says that goes on with more or fewer processes than it began with."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.loop import _on_processes
from mmdx.engine.training.state import Progress
from mmdx.errors import UsageError
from mmdx.files import RunLayout


def gone_on(progress: Progress, now: int) -> tuple[Progress, list[str]]:
    said, setting = StringIO(), object.__new__(Setting)
    console, accelerator = Console(file=said, width=1000), SimpleNamespace(num_processes=now)
    setting.__dict__.update(run=RunLayout(Path("mine")), accelerator=accelerator, console=console)
    return _on_processes(progress, setting), said.getvalue().splitlines()


@pytest.mark.parametrize(
    "progress",
    [
        Progress(epoch=1, batch=3, step=9, processes=2),
        Progress(epoch=1, batch=3, step=9),  # a state of an earlier version
        Progress(epoch=2, step=12, finished=True, processes=4),
    ],
)
def test_as_many_as_before_or_nothing_left_to_train_is_not_worth_a_word(progress: Progress) -> None:
    after, said = gone_on(progress, 2)
    assert after.processes == 2
    assert said == []


def test_after_an_epoch_it_says_what_another_number_changes() -> None:
    after, said = gone_on(Progress(epoch=1, step=6, processes=2), 1)
    assert after == Progress(epoch=1, step=6, processes=1)
    assert said == [
        "mine: begun on 2 processes, goes on with 1; each takes a batch a step, so that steps, and the weights in the "
        "end, are not those of 2"
    ]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (2, 1, r"dealt to 2 processes, not 1; start as many as before \(torchrun --nproc_per_node 2 train\.py\), or"),
        (1, 2, r"dealt to 1 process, not 2; start as many as before \(mmdx train\), or train anew"),
    ],
)
def test_within_an_epoch_another_number_is_refused(before: int, now: int, said: str) -> None:
    with pytest.raises(UsageError, match=rf"^--resume: mine was stopped in epoch 2, whose batches are {said}"):
        gone_on(Progress(epoch=1, batch=3, step=9, processes=before), now)
