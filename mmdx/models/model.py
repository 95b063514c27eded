"""A Batch becomes an Output: encode each modality, put stand-ins, fuse, answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Batch, Boxes, Features, Output, Packed
from mmdx.models.absent import StandIns, draw_shown
from mmdx.models.augment import move_boxes
from mmdx.models.balance import damped, speed_factors
from mmdx.models.branches.base import Branch
from mmdx.models.fusion.pooled import Fusion
from mmdx.models.heads.base import Head, Level
from mmdx.models.stack.stack import Stack


class MultimodalModel(nn.Module):
    """Branches by modality, fusion and heads. Modality dropout is drawn in training only.

    `modality_dropout` gives the rate of each modality at the start and at the end of training, of which `done` is over.

    With `alone`, a training output also holds what the study heads say to each modality by itself; with `modulate`, a
    modality that is ahead of the others learns less from the fused answer. `stack`, which is fitted once the weights
    stay, has the last word on studies in evaluation.

    Every branch runs on every batch, on a blank item when no study has its modality: under distributed training a
    branch that one process skips would leave the others waiting for its gradients.
    """

    rates: Tensor

    def __init__(
        self,
        branches: Mapping[str, Branch],
        fusion: Fusion,
        heads: Mapping[str, Head],
        *,
        dim: int,
        modality_dropout: Mapping[str, tuple[float, float]],
        alone: float = 0.0,
        modulate: float = 0.0,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.stand_ins = StandIns(list(branches), dim)
        self.fusion = fusion
        self.heads = nn.ModuleDict(heads)
        self.answering: dict[str, Head] = dict(heads)
        self.maps = dict.fromkeys(branches, 0)
        for head in heads.values():
            if head.modality is not None and head.modality in branches:
                self.maps[head.modality] = max(self.maps[head.modality], head.maps)
        self.alone, self.modulate = alone, modulate
        self.stack: Stack | None = None
        rates = torch.tensor([modality_dropout[name] for name in branches])
        self.register_buffer("rates", rates, persistent=False)
        self.done = 0.0

    def forward(self, batch: Batch, *, maps: Mapping[str, int] | None = None) -> Output:
        """`maps` counts feature maps to keep by modality, from the coarsest, instead of those that the heads read."""
        present = torch.stack([batch.present(name) for name in self.branches], dim=1)
        counts = {**self.maps, **(maps or {})}
        encoded = {
            name: encode(branch, batch.inputs[name], maps=counts[name]) for name, branch in self.branches.items()
        }
        shown = self.withhold(present)
        learns = self.training and bool(self.alone or self.modulate)
        apart = self._apart(encoded, present, batch) if learns else {}
        features = self.stand_ins(self._damped(encoded, apart, batch), shown)
        fused = self.fusion(features)
        # Heads of slices read what was encoded: a modality withheld from the fusion still labels its own images. Heads
        # of studies read what the study is shown.
        real = self.stand_ins(encoded, present)
        logits = {
            name: head(features if head.level == "study" else real, fused, batch)
            for name, head in self.answering.items()
        }
        unstacked = {}
        if self.stack is not None and not self.training:
            unstacked = {self.stack.head: logits[self.stack.head]}
            members = self.members(self.stack, encoded, present, batch, unstacked[self.stack.head])
            logits[self.stack.head] = self.stack(members, present)
        return Output(
            features=features,
            present=shown,
            fused=fused,
            logits=logits,
            boxes=moved_boxes(batch, encoded),
            alone=apart if self.alone else {},
            unstacked=unstacked,
        )

    def study_logits(
        self, head: str, encoded: Mapping[str, Features], shown: Bool[Tensor, "b m"], batch: Batch
    ) -> Float[Tensor, "b f"]:
        """What a study head of the network says where modalities are shown so, whatever a stack makes of it."""
        features = self.stand_ins(encoded, shown)
        return self.answering[head](features, self.fusion(features), batch)

    def _apart(
        self, encoded: Mapping[str, Features], present: Bool[Tensor, "b m"], batch: Batch
    ) -> dict[str, dict[str, Float[Tensor, "b f"]]]:
        """The logits of each study head to each modality alone, by modality."""
        apart = {}
        for column, modality in enumerate(self.branches if len(self.branches) > 1 else ()):
            only = torch.zeros_like(present)
            only[:, column] = present[:, column]
            apart[modality] = {name: self.study_logits(name, encoded, only, batch) for name in self.heads_of("study")}
        return apart

    def _damped(
        self, encoded: Mapping[str, Features], apart: Mapping[str, Mapping[str, Float[Tensor, "b f"]]], batch: Batch
    ) -> Mapping[str, Features]:
        """What the fused answer is made of, by which the modality that is ahead learns less."""
        if not self.modulate or not apart:
            return encoded
        head = next(iter(self.heads_of("study")))
        given = {name: self.answering[head].probabilities(logits[head].detach()) for name, logits in apart.items()}
        labels = {n: torch.where(batch.present(n)[:, None], batch.labels, torch.nan) for n in apart}
        return damped(encoded, speed_factors(given, labels, self.modulate))

    def members(
        self,
        stack: Stack,
        encoded: Mapping[str, Features],
        shown: Bool[Tensor, "b m"],
        batch: Batch,
        network: Float[Tensor, "b f"],
    ) -> dict[str, Float[Tensor, "b f"]]:
        """What each member of a stack says where modalities are shown so; `network` is what the network says."""
        plain = self.plain(encoded, batch)
        return stack.answers(plain, shown, network, lambda seen: self.study_logits(stack.head, encoded, seen, batch))

    def plain(self, encoded: Mapping[str, Features], batch: Batch) -> dict[str, Packed]:
        """The items of each modality that are at hand as nothing that learns has seen them."""
        items = {
            name: cast(Branch, branch).plain(batch.inputs[name], encoded[name])
            for name, branch in self.branches.items()
            if batch.inputs[name].values.shape[0]
        }
        empty = {name: batch.inputs[name] for name in self.branches if not batch.inputs[name].values.shape[0]}
        return empty | {name: packed for name, packed in items.items() if packed is not None}

    def heads_of(self, level: Level, *, modality: str | None = None) -> dict[str, Head]:
        """The heads of a level by name, in the order of the config; with `modality`, those that answer for it."""
        return {
            name: head
            for name, head in self.answering.items()
            if head.level == level and modality in (None, head.modality)
        }

    def withhold(self, present: Bool[Tensor, "b m"]) -> Bool[Tensor, "b m"]:
        """What is shown of what is there: in training, what modality dropout leaves where `done` of it is over."""
        rates = torch.lerp(self.rates[:, 0], self.rates[:, 1], self.done)
        return draw_shown(present, rates) if self.training else present


def moved_boxes(batch: Batch, encoded: Mapping[str, Features]) -> dict[str, Boxes]:
    """The boxes of the batch where augmentation put them."""
    boxes = dict(batch.boxes)
    for name, features in encoded.items():
        if features.moves is not None and name in boxes:
            packed = batch.inputs[name]
            height, width = packed.values.shape[-2:]
            boxes[name] = move_boxes(boxes[name], features.moves, packed.lengths, height, width)
    return boxes


def encode(branch: nn.Module, packed: Packed, *, maps: int = 0) -> Features:
    """Runs a branch, which keeps its `maps` coarsest feature maps; where no study of the batch has its modality, it
    runs on one blank item that belongs to none. A lone item has no statistics: batch norms take what they have."""
    if len(packed.values) > 1:
        return _run(branch, packed, maps)
    if len(packed.values):
        with frozen_statistics(branch):
            return _run(branch, packed, maps)
    lengths = packed.lengths.clone()
    lengths[0] = 1
    places = None if packed.places is None else packed.places.new_zeros(1)
    values = packed.values.new_zeros((1, *packed.values.shape[1:]))
    blank = replace(packed, values=values, lengths=lengths, places=places)
    with frozen_statistics(branch):
        return _run(branch, blank, maps)


def _run(branch: nn.Module, packed: Packed, maps: int) -> Features:
    return cast(Branch, branch).with_maps(packed, maps) if maps else branch(packed)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms in evaluation for a while, so that a blank or lone image leaves no trace in their statistics."""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


def trainable(model: nn.Module) -> list[tuple[str, Float[Tensor, "..."]]]:
    """The parameters that an optimizer may move, by name."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
