"""A stack in a model folder: `stack.json`, for people too, and the numbers of its linear models as safetensors."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.errors import DataError, reason
from mmdx.files import ModelLayout
from mmdx.kinds import KINDS
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.stack import LINEAR, NETWORK, Stack, Weighting, member
from mmdx.models.stack.summaries import MeanAndMax, Standardised, Summary, Words
from mmdx.models.weights import read_tensors, write_tensors
from mmdx.strangers.sealed import number_in, read_sealed, require, write_sealed
from mmdx.study import Terms

_AGAIN = "copy the whole model folder again"


def write_stack(folder: Path, stack: Stack, facts: ModelFacts) -> None:
    """Writes a stack into a model folder; the description last, with which it is whole."""
    layout = ModelLayout(folder)
    linear = {name: cast(LinearAnswer, answer) for name, answer in stack.linear.items()}
    numbers = {f"{name}.{key}": value for name, answer in linear.items() for key, value in _tensors(answer).items()}
    write_tensors(layout.stack_tensors, numbers)
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
    content = {"head": stack.head, "linear": list(stack.linear), "weightings": weightings}
    write_sealed(layout.stack, content, [layout.stack_tensors])
    require(layout.facts, layout.stack)


def read_stack(folder: Path, facts: ModelFacts) -> Stack | None:
    """The stack of a model folder; None where it has none. Raises `DataError` where it cannot be read."""
    layout = ModelLayout(folder)
    try:
        raw = read_sealed(layout.stack, _AGAIN)
    except FileNotFoundError:
        return None
    try:
        tensors = read_tensors(layout.stack_tensors, _AGAIN)
        linear = {name: _linear(name, facts, tensors) for name in _texts(raw["linear"])}
        answers = {
            NETWORK,
            *(member(NETWORK, name) for name in facts.inputs),
            *(member(LINEAR, name) for name in linear),
        }
        weightings = [_weighting(part, facts, answers) for part in _listed(raw["weightings"])]
        return Stack(str(raw["head"]), list(facts.inputs), linear, weightings)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        raise DataError(f"{layout.stack}: cannot be read ({reason(error)}); {_AGAIN}") from None


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise ValueError(f"{reprlib.repr(values)} is no list")
    return values


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{reprlib.repr(values)} is no list of names")
    if len(set(values)) < len(values):
        raise ValueError(f"{reprlib.repr(values)} holds a name twice")
    return values


def _linear(name: str, facts: ModelFacts, tensors: Mapping[str, Tensor]) -> LinearAnswer:
    """Raises `ValueError` where the tensors of a linear model do not fit each other, or its input."""
    numbers = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
    centre, weight, bias = (numbers[key] for key in ("centre", "weight", "bias"))
    read, width, count = facts.inputs[name], centre.numel(), len(facts.findings)
    shapes = [tuple(value.shape) for value in (centre, weight, bias)]
    if shapes != [(width,), (width, count), (count,)]:
        raise ValueError(f"'{name}' has tensors of shapes {shapes}, which do not fit {count} findings")
    if not all(value.is_floating_point() for value in (centre, weight, bias)):
        raise ValueError(f"'{name}' has tensors that are no decimal numbers")
    if KINDS[read.kind].worded:
        summary: Summary = Words(_terms(name, read.vocabulary, numbers))
    else:
        summary = Standardised(read.columns) if KINDS[read.kind].made else MeanAndMax(width // 2)
    if summary.width != width:
        raise ValueError(f"'{name}' has {width} numbers for {summary.width} that its input gives")
    return LinearAnswer(summary, centre, weight, bias)


def _terms(name: str, vocabulary: int, numbers: Mapping[str, Tensor]) -> Terms:
    words, pairs, rarities = (numbers[key] for key in ("words", "pairs", "rarities"))
    whole = pairs.dtype == torch.int64 and words.is_floating_point() and rarities.is_floating_point()
    if not whole or tuple(words.shape) != (vocabulary,) or tuple(pairs.shape) != (rarities.numel(), 2):
        raise ValueError(f"'{name}' has words and pairs that do not fit a vocabulary of {vocabulary}")
    codes = pairs[:, 0] * vocabulary + pairs[:, 1]
    if pairs.numel() and (pairs.min() < 0 or pairs.max() >= vocabulary or not (codes.diff() > 0).all()):
        raise ValueError(f"'{name}' has pairs beyond its vocabulary, or not in ascending order")
    both = [(int(first), int(second)) for first, second in pairs.tolist()]
    return Terms(tuple(words.tolist()), tuple(both), tuple(rarities.flatten().tolist()))


def _tensors(answer: LinearAnswer) -> dict[str, Tensor]:
    """The numbers of a linear model that its modality does not tell."""
    numbers = {"centre": answer.centre, "weight": answer.weight, "bias": answer.bias}
    if isinstance(answer.summary, Words):
        terms = answer.summary.terms
        pairs = torch.tensor(terms.pairs, dtype=torch.int64).reshape(-1, 2)
        words, rarities = (torch.tensor(values, dtype=torch.float64) for values in (terms.words, terms.rarities))
        numbers |= {"words": words, "pairs": pairs, "rarities": rarities}
    return numbers


def _weighting(raw: Mapping[str, Any], facts: ModelFacts, answers: Collection[str]) -> Weighting:
    """Raises `ValueError` for what is shown, a member or a finding that the model does not have."""
    shown = _texts(raw["shown"])
    strange = [*({*shown} - {*facts.inputs}), *({*raw["weight"]} - {*answers})]
    rows = [raw["shift"], *raw["weight"].values()]
    strange += [name for row in rows for name in {*row} ^ {*facts.findings}]
    if strange:
        raise ValueError(f"a weighting names '{strange[0]}', or lacks it")
    shift, *weights = [[number_in(row, name) for name in facts.findings] for row in rows]
    weight = torch.tensor(weights).reshape(len(weights), len(facts.findings))
    return Weighting(tuple(shown), tuple(raw["weight"]), weight, torch.tensor(shift))
