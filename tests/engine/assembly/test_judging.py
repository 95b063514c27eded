"""A config whose model has no head that gives what its epochs are judged by is refused, one line per stage."""

from __future__ import annotations

from typing import Any

import pytest

from mmdx.config_file import parse_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import UsageError


def problems(heads: dict[str, Any], judge: str, **first: Any) -> list[str]:
    model = {"inputs": {"image": {"encoder": "timm"}}, "heads": heads}
    raw = {"data": {"store": "unused"}, "model": model, "train": {"judge": judge}, **first}
    with pytest.raises(UsageError) as refused:
        resolve(parse_config(raw, "test"))
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("heads", "judge", "line"),
    [
        (
            {"slice": "slice"},
            "studies",
            "train.judge=studies: no study head answers for them; add study: study to model.heads, or judge by the "
            "slice head (train.judge=slices)",
        ),
        (
            {"boxes": "boxes"},
            "studies",
            "train.judge=studies: no study head answers for them; add study: study to model.heads",
        ),
        (
            {"boxes": "boxes"},
            "slices",
            "train.judge=slices: no slice head answers for them; add one to model.heads",
        ),
        (
            {"tell": "description"},
            "studies",
            "train.judge=studies: no study head answers for them; add study: study to model.heads",
        ),
        (
            {"study": "study"},
            "slices",
            "train.judge=slices: no slice head answers for them; add one to model.heads, or drop judge",
        ),
    ],
)
def test_epochs_take_a_head_that_judges_them(heads, judge, line):
    assert problems(heads, judge) == [line]


def test_the_first_stage_takes_one_too():
    first = {"model": {"inputs": {"image": {"encoder": "timm"}}, "heads": {"slice": "slice"}}, "folds": 2}
    (line,) = problems({"study": "study"}, "studies", first=first)
    assert line.startswith("first.train.judge=studies: no study head answers for them; add study: study to first.model")
