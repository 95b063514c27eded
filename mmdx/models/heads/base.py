"""Heads answer, and own their loss: NaN labels are masked there, in float32."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features
from mmdx.config import Component
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.losses import Loss, known_bce
from mmdx.models.packing import unpad
from mmdx.models.sequence.recurrent import masked_max
from mmdx.registry import HEADS, LOSSES

LossPart = Annotated[Component, LOSSES]
BCE = Component(type="bce")


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
    label is known. `vocabularies` says how many tokens each text has that a head writes, by modality of the store.
    """

    names: tuple[str, ...]
    prevalence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    vocabularies: Mapping[str, int] = field(default_factory=dict)

    def share(self, where: str) -> tuple[float, ...]:
        """The prevalence at a level, `study` or a modality; all NaN where none was counted."""
        return self.prevalence.get(where, (math.nan,) * len(self.names))


class Head(nn.Module, ABC):
    """Answers to what a batch labels; `weight` is the share of its loss in the objective.

    `level` says what the answers are about: a study, the images of `modality`, or boxes on them. Heads of the first two
    levels give logits `[k f]`; others say themselves, and one of level `text` writes (`models/heads/description.py`).
    """

    level: Literal["study", "slice", "box", "text"]
    modality: str | None
    """The modality whose images are answered for; None at the study level."""
    maps: int = 0
    """How many feature maps of `modality` it reads, from the coarsest."""
    weight: float

    @abstractmethod
    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k *f"]: ...

    @abstractmethod
    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        """The labels that the logits answer to, NaN where unknown."""

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """What the logits say, from 0 to 1, in float32."""
        return logits.float().sigmoid()

    def loss(self, logits: Float[Tensor, "k f"], batch: Batch) -> Float[Tensor, ""]:
        """Mean binary cross-entropy over known labels; 0 where none is known."""
        return known_bce(logits, self.targets(batch))


class FindingsHead(Head, ABC):
    """A head that is trained by a registered loss, which also says what its logits mean."""

    criterion: Loss

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        return self.criterion.probabilities(logits)

    def loss(self, logits: Float[Tensor, "k f"], batch: Batch) -> Float[Tensor, ""]:
        return self.criterion(logits, self.targets(batch))


@HEADS("study")
class StudyHead(FindingsHead):
    """One answer a study for each finding, from the fused representation.

    `blend` adds, for each modality of images or descriptors that the study is shown, the largest of the answers of a
    layer of its own to its items (multiple-instance learning, as in Ilse et al. 2018, by instances): what one slice
    shows need not pass through a fused vector that all findings share.
    """

    level = "study"
    modality = None

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        blend: bool = False,
        weight: float = 1.0,
        dropout: float = 0.0,
        loss: LossPart = BCE,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, len(findings.names)))
        sliced = {name: sizes.items for name, sizes in branches.items() if sizes.kind in ("images", "vectors")}
        if blend and not sliced:
            raise UsageError("head study: blend looks at images or descriptors, and the model has neither; drop it")
        # No bias: what all studies with the modality share is the fused part's to say.
        self.own = nn.ModuleDict(
            {name: nn.Linear(width, len(findings.names), bias=False) for name, width in sliced.items() if blend}
        )
        self.weight = weight
        self.criterion = LOSSES.build(loss, "head study", findings=findings.names, prevalence=findings.share("study"))

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        answer = self.layers(fused)
        for name, layer in self.own.items():
            seen = encoded[name]
            answer = answer + masked_max(layer(seen.items), seen.mask)
        return answer

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels


@HEADS("slice")
class SliceHead(FindingsHead):
    """One answer an image or descriptor of `modality` for each finding, from the items that its sequence model gives.

    Left out, `modality` is the first image modality, or without any the first of descriptors. `blend` adds the logits
    of a layer of its own on each vector as its encoder gave it: what a sequence model smooths away, such as a rare
    bleed on one slice, can still be said (Burduja et al. 2020 give the CNN's answers to the last layer, too).
    """

    level = "slice"

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        modality: str | None = None,
        blend: bool = False,
        weight: float = 1.0,
        dropout: float = 0.0,
        loss: LossPart = BCE,
    ) -> None:
        super().__init__()
        able = [name for kind in ("images", "vectors") for name, sizes in branches.items() if sizes.kind == kind]
        if not able:
            raise UsageError("head slice: the model has no modality of images or descriptors; drop this head")
        self.images = self.modality = modality or able[0]
        if self.modality not in able:
            raise UsageError(
                f"head slice: no modality of images or descriptors is called '{self.modality}'; "
                f"{did_you_mean(self.modality, able)}"
            )
        sizes = branches[self.modality]
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(sizes.items, len(findings.names)))
        self.own = nn.Sequential(nn.Dropout(dropout), nn.Linear(sizes.vectors, len(findings.names))) if blend else None
        self.weight = weight
        share = findings.share(self.modality)
        self.criterion = LOSSES.build(loss, "head slice", findings=findings.names, prevalence=share)

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        seen = encoded[self.images]
        logits = self.layers(unpad(seen.items, seen.mask))
        if self.own is not None and seen.vectors is not None:
            logits = logits + self.own(unpad(seen.vectors, seen.mask))
        return logits

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.slice_labels[self.images]
