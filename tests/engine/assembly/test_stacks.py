"""A stack on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.stacks import read_stack, write_stack
from mmdx.errors import DataError
from mmdx.models.facts import InputFacts
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.stack import Stack, Weighting
from mmdx.models.stack.summaries import MeanAndMax, Standardised, Words
from mmdx.study import Column, Terms

AGE = Column("age", mean=50.0, sd=10.0)
FACTS = ModelFacts(
    ("bleed", "fracture"),
    32,
    {
        "ct": InputFacts("vectors", width=3),
        "report": InputFacts("text", vocabulary=4),
        "clinic": InputFacts("tabular", columns=(AGE,)),
    },
)
PACKED = {
    "ct": (torch.randn(4, 3), torch.tensor([3, 1])),
    "report": (torch.tensor([2, 3, 2]), torch.tensor([2, 1])),
    "clinic": (torch.tensor([[70.0], [20.0]]), torch.tensor([1, 1])),
}


def stack() -> Stack:
    generator = torch.Generator().manual_seed(0)

    def answer(summary) -> LinearAnswer:
        numbers = (torch.randn(shape, generator=generator) for shape in ((summary.width,), (summary.width, 2), (2,)))
        return LinearAnswer(summary, *numbers)

    words = Words(Terms((0.0, 0.0, 1.5, 1.25), ((2, 3),), (1.75,)))
    linear = {"ct": answer(MeanAndMax(3)), "report": answer(words), "clinic": answer(Standardised([AGE]))}
    weighting = Weighting(("ct",), ("network", "linear ct"), torch.tensor([[0.5, 1.0], [0.25, 0.0]]), torch.ones(2))
    return Stack("study", list(FACTS.inputs), linear, [weighting])


def test_what_is_written_answers_the_same(tmp_path: Path):
    first = stack()
    write_stack(tmp_path, first, FACTS)
    second = read_stack(tmp_path, FACTS)
    assert second is not None
    for name, (values, lengths) in PACKED.items():
        assert torch.equal(first.linear[name](values, lengths), second.linear[name](values, lengths)), name
    [given], [expected] = second.weightings, first.weightings
    assert (given.shown, given.members) == (expected.shown, expected.members)
    assert torch.equal(given.weight, expected.weight)
    assert torch.equal(given.shift, expected.shift)


def test_a_person_can_read_how_much_each_counts(tmp_path: Path):
    write_stack(tmp_path, stack(), FACTS)
    raw = json.loads((tmp_path / "stack.json").read_text())
    assert raw["weightings"][0]["weight"]["linear ct"] == {"bleed": 0.25, "fracture": 0.0}


def test_a_model_folder_without_one_has_none(tmp_path: Path):
    assert read_stack(tmp_path, FACTS) is None


def test_weightings_that_are_no_list_are_refused(tmp_path: Path):
    write_stack(tmp_path, stack(), FACTS)
    content = {
        key: value for key, value in json.loads((tmp_path / "stack.json").read_text()).items() if key != "digest"
    }
    (tmp_path / "stack.json").write_text(json.dumps(content | {"weightings": {}}))
    with pytest.raises(DataError, match=r"stack\.json: cannot be read \({} is no list\)"):
        read_stack(tmp_path, FACTS)


@pytest.mark.parametrize("file", ["stack.json", "stack.safetensors"])
def test_a_broken_file_is_named(tmp_path: Path, file: str):
    write_stack(tmp_path, stack(), FACTS)
    (tmp_path / file).write_bytes(b"{")
    with pytest.raises(DataError, match=r"stack\..*: (cannot be read|is damaged) .* copy the whole model folder again"):
        read_stack(tmp_path, FACTS)
    (tmp_path / file).unlink()
    if file != "stack.json":
        with pytest.raises(DataError, match="copy the whole model folder again"):
            read_stack(tmp_path, FACTS)
