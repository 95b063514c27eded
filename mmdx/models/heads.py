"""Heads answer, and own their loss: NaN labels are masked there, in float32."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.packing import unpad
from mmdx.registry import HEADS


@dataclass(frozen=True)
class BranchSizes:
    """What the `Features` of a modality hold: its `kind`, and how wide its `items`, `vectors` and `maps` are."""

    kind: str
    items: int
    vectors: int = 0
    maps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What a head answers: the findings by name, and of the training labels the share that is positive.

    `prevalence` has an entry `study`, and one a modality with slice labels, each with a share a finding; NaN where no
    label is known.
    """

    names: tuple[str, ...]
    prevalence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


class Head(nn.Module, ABC):
    """Answers to what a batch labels; `weight` is the share of its loss in the objective.

    `level` says what the answers are about: a study, or the images of `modality`. Heads of these two levels give logits
    `[k f]`.
    """

    level: Literal["study", "slice"]
    modality: str | None
    """The modality whose images are answered for; None at the study level."""
    weight: float

    @abstractmethod
    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]: ...

    @abstractmethod
    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        """The labels that the logits answer to, NaN where unknown."""

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """What the logits say, from 0 to 1, in float32."""
        return logits.float().sigmoid()

    def loss(self, logits: Float[Tensor, "k f"], batch: Batch) -> Float[Tensor, ""]:
        """Mean binary cross-entropy over known labels; 0 where none is known."""
        return known_bce(logits, self.targets(batch))


@HEADS("study")
class StudyHead(Head):
    """One answer a study for each finding, from the fused representation."""

    level = "study"
    modality = None

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        weight: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, len(findings.names)))
        self.weight = weight

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        return self.layers(fused)

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels


@HEADS("slice")
class SliceHead(Head):
    """One answer an image of `modality` for each finding, from the items that its sequence model gives.

    Left out, `modality` is the first image modality.
    """

    level = "slice"

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        modality: str | None = None,
        weight: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        items = {name: sizes.items for name, sizes in branches.items() if sizes.kind in ("images", "vectors")}
        if not items:
            raise UsageError("head slice: the model has no modality of images or descriptors; drop this head")
        self.images = self.modality = modality or next(iter(items))
        if self.modality not in items:
            raise UsageError(
                f"head slice: no modality of images or descriptors is called '{self.modality}'; "
                f"{did_you_mean(self.modality, items)}"
            )
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(items[self.modality], len(findings.names)))
        self.weight = weight

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        seen = encoded[self.images]
        return self.layers(unpad(seen.items, seen.mask))

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.slice_labels[self.images]


def known_bce(logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
    """Mean binary cross-entropy over the labels that are not NaN, in float32; 0, still attached, where all are."""
    known = ~labels.isnan()
    losses = F.binary_cross_entropy_with_logits(logits.float(), labels.nan_to_num(), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
