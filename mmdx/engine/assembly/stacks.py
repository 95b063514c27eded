"""A stack in a model folder: `stack.json`, for people too, and the numbers of its linear models as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.errors import DataError, reason
from mmdx.files import ModelLayout, write_json, written
from mmdx.kinds import KINDS
from mmdx.models.facts import InputFacts
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.stack import Stack, Weighting
from mmdx.models.stack.summaries import MeanAndMax, Standardised, Summary, Words
from mmdx.study import Terms


def write_stack(folder: Path, stack: Stack, facts: ModelFacts) -> None:
    """Writes a stack into a model folder; the description last, with which it is whole."""
    layout = ModelLayout(folder)
    linear = {name: cast(LinearAnswer, answer) for name, answer in stack.linear.items()}
    numbers = {f"{name}.{key}": value for name, answer in linear.items() for key, value in _tensors(answer).items()}
    with written(layout.stack_tensors) as partial:
        save_file({key: value.cpu().contiguous() for key, value in numbers.items()}, partial, metadata={"format": "pt"})
    weightings = [
        {
            "shown": list(weighting.shown),
            "weight": {
                member: dict(zip(facts.findings, row, strict=True))
                for member, row in zip(weighting.members, weighting.weight.tolist(), strict=True)
            },
            "shift": dict(zip(facts.findings, weighting.shift.tolist(), strict=True)),
        }
        for weighting in stack.weightings
    ]
    write_json(layout.stack, {"head": stack.head, "linear": list(stack.linear), "weightings": weightings})


def read_stack(folder: Path, facts: ModelFacts) -> Stack | None:
    """The stack of a model folder; None where it has none. Raises `DataError` where it cannot be read."""
    layout = ModelLayout(folder)
    if not layout.stack.is_file():
        return None
    try:
        raw = json.loads(layout.stack.read_text(encoding="utf-8"))
        tensors = load_file(layout.stack_tensors)
        linear = {name: _linear(name, facts.inputs[name], tensors) for name in raw["linear"]}
        return Stack(raw["head"], list(facts.inputs), linear, [_weighting(part, facts) for part in raw["weightings"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DataError(
            f"{layout.stack}: cannot be read ({reason(error)}); copy the whole model folder again"
        ) from None


def _linear(name: str, facts: InputFacts, tensors: Mapping[str, Tensor]) -> LinearAnswer:
    numbers = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
    centre, weight, bias = (numbers[key] for key in ("centre", "weight", "bias"))
    if KINDS[facts.kind].worded:
        pairs = [(int(first), int(second)) for first, second in numbers["pairs"].tolist()]
        summary: Summary = Words(
            Terms(tuple(numbers["words"].tolist()), tuple(pairs), tuple(numbers["rarities"].tolist()))
        )
    else:
        summary = Standardised(facts.columns) if KINDS[facts.kind].made else MeanAndMax(len(centre) // 2)
    return LinearAnswer(summary, centre, weight, bias)


def _tensors(answer: LinearAnswer) -> dict[str, Tensor]:
    """The numbers of a linear model that its modality does not tell."""
    numbers = {"centre": answer.centre, "weight": answer.weight, "bias": answer.bias}
    if isinstance(answer.summary, Words):
        terms = answer.summary.terms
        pairs = torch.tensor(terms.pairs, dtype=torch.int64).reshape(-1, 2)
        words, rarities = (torch.tensor(values, dtype=torch.float64) for values in (terms.words, terms.rarities))
        numbers |= {"words": words, "pairs": pairs, "rarities": rarities}
    return numbers


def _weighting(raw: Mapping[str, Any], facts: ModelFacts) -> Weighting:
    weight = torch.tensor([[float(row[name]) for name in facts.findings] for row in raw["weight"].values()])
    shift = torch.tensor([float(raw["shift"][name]) for name in facts.findings])
    return Weighting(tuple(raw["shown"]), tuple(raw["weight"]), weight, shift)
