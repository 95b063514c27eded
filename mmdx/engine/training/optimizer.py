"""The optimizer of a training: which weights learn together, at which rate, and from when on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Literal, cast

import torch
from torch import Tensor, nn

from mmdx.kinds import KINDS
from mmdx.models.branches.base import Branch
from mmdx.models.model import MultimodalModel, trainable
from mmdx.sections import TrainConfig, Unfreezing

Part = Literal["encoder", "sequence", "text", "fusion", "heads"]
"""The parts of a model that have rates of their own, as `PartRates` names them."""


def make_optimizer(model: MultimodalModel, train: TrainConfig) -> torch.optim.Optimizer:
    """AdamW in one pass over the weights; no decay on biases, norms and stand-ins (anything of one dimension).

    A group has a `scale`, which multiplies the rate of a step, and the share of the epochs at which it `opens`.
    """
    alike: dict[tuple[float, float], tuple[list[Tensor], list[Tensor]]] = {}
    for parameter, scale, opens in _placed(model, train):
        decayed, plain = alike.setdefault((scale, opens), ([], []))
        (decayed if parameter.dim() > 1 else plain).append(parameter)
    groups = [
        {"params": parameters, "weight_decay": decay, "lr": train.lr * scale, "scale": scale, "opens": opens}
        for (scale, opens), by_decay in alike.items()
        for parameters, decay in zip(by_decay, (train.weight_decay, 0.0), strict=True)
    ]
    return torch.optim.AdamW(groups, lr=train.lr, fused=True)


def learning_rate(train: TrainConfig, done: float) -> float:
    """The rate when the share `done` of all epochs is over: a linear climb over the warm-up, then a cosine to 0."""
    if done < train.warmup:
        return train.lr * done / train.warmup
    return train.lr * 0.5 * (1 + math.cos(math.pi * (done - train.warmup) / (1 - train.warmup)))


def set_rates(
    optimizer: torch.optim.Optimizer, model: MultimodalModel, train: TrainConfig, done: float, *, wrapped: bool
) -> float:
    """Sets each group for a step when the share `done` of all epochs is over; returns the rate of a part of scale 1.

    Weights that have not opened yet stand still, and the modules that hold no others are in evaluation, without dropout
    and with their statistics as they are. A weight that opens later climbs over a warm-up of its own. Where processes
    train a model together it is `wrapped`, and waits for the gradients of all its weights: `stand_still` drops them.
    """
    rate = learning_rate(train, done)
    closed: set[int] = set()
    # A state saved before groups had these keys is of groups that open at once, at the full rate.
    opening = [group.get("opens", 0.0) for group in optimizer.param_groups]
    for group, opens in zip(optimizer.param_groups, opening, strict=True):
        climb = min(1.0, (done - opens) / train.warmup) if opens and train.warmup else 1.0
        group["lr"] = rate * group.get("scale", 1.0) * climb if done >= opens else 0.0
        closed |= {id(parameter) for parameter in group["params"]} if done < opens else set()
    if any(opening):
        model.train()
        for group, opens in zip(optimizer.param_groups, opening, strict=True):
            for parameter in group["params"]:
                parameter.requires_grad_(wrapped or done >= opens)
        _evaluate(model, closed, {id(p) for group in optimizer.param_groups for p in group["params"]})
    return rate


def stand_still(optimizer: torch.optim.Optimizer) -> None:
    """Drops the gradients of groups that have not opened: they move nothing, leave no trace in the optimizer, and do
    not count in the norm of the gradient."""
    for group in optimizer.param_groups:
        if group["lr"] == 0:
            for parameter in group["params"]:
                parameter.grad = None
                # Between steps an encoder that is to learn is never taken for a frozen one.
                parameter.requires_grad_(True)


def rate_lines(model: MultimodalModel, train: TrainConfig) -> list[str]:
    """What is said where a config asks for layers of pretrained encoders, and this model trains none."""
    options = {"layer_decay": train.layer_decay < 1, "unfreeze": train.unfreeze != Unfreezing()}
    asked = [name for name, set_ in options.items() if set_]
    if not asked or _depths(model).keys() & {name for name, _ in trainable(model)}:
        return []
    return [f"train.{' and '.join(asked)}: no encoder of this model is pretrained and trained, so nothing comes of it"]


def _placed(model: MultimodalModel, train: TrainConfig) -> Iterator[tuple[Tensor, float, float]]:
    """Every weight that is trained, its scale, and the share of the epochs at which it opens."""
    depths, unfreeze = _depths(model), train.unfreeze
    worded = {name for name, branch in model.branches.items() if KINDS[cast(Branch, branch).sizes.kind].worded}
    for name, parameter in trainable(model):
        scale, opens = float(getattr(train.rates, _part_of(name, worded))), 0.0
        if name in depths:
            depth, deepest = depths[name]
            scale *= train.layer_decay**depth
            until = unfreeze.after if unfreeze.until is None else unfreeze.until
            opens = unfreeze.after + ((until - unfreeze.after) * depth / deepest if deepest else 0.0)
        yield parameter, scale, opens


def _part_of(name: str, worded: Collection[str]) -> Part:
    """The part to which a weight of a model belongs; `worded` are the modalities of text."""
    room, modality, place, *_ = [*name.split("."), "", ""]
    if room != "branches":
        return "heads" if room == "heads" else "fusion"
    if place in ("sequence", "project"):
        return "sequence" if place == "sequence" else "fusion"
    return "text" if modality in worded else "encoder"


def _depths(model: MultimodalModel) -> dict[str, tuple[int, int]]:
    """Of each pretrained weight, by its name in the model: how many layers of its encoder lie above it, and how many
    above the lowest."""
    depths = {}
    for name, branch in model.branches.items():
        layers = cast(Branch, branch).pretrained_layers()
        top = max(layers.values(), default=0)
        depths |= {f"branches.{name}.{weight}": (top - layer, top) for weight, layer in layers.items()}
    return depths


def _evaluate(module: nn.Module, closed: set[int], moved: set[int]) -> None:
    """Puts the largest modules all of whose `moved` weights are `closed` into evaluation."""
    weights = {id(parameter) for parameter in module.parameters()} & moved
    if weights and weights <= closed:
        module.eval()
        return
    for child in module.children():
        _evaluate(child, closed, moved)
