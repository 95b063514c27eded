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
from mmdx.models.heads.calibration import Calibration
from mmdx.models.losses import Loss, known_bce
from mmdx.registry import LOSSES
from mmdx.schema import Component

LossPart = Annotated[Component, LOSSES]
BCE = Component(type="bce")
Level = Literal["study", "slice", "box", "text"]


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

    `prevalence` has one entry `study`, and one entry per modality with slice labels; an entry holds one share per
    finding, NaN where no label is known. `vocabularies` says how many tokens each text has that a head writes, by
    modality of the store.
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

    level: Level
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

    def calibrated(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """Logits in float32 whose probabilities mean what they say, as far as the head was calibrated."""
        return logits.float()

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """What the logits say, from 0 to 1, in float32."""
        return self.calibrated(logits).sigmoid()

    def loss(self, logits: Float[Tensor, "k f"], batch: Batch) -> Float[Tensor, ""]:
        """Mean binary cross-entropy over known labels; 0 where none is known."""
        return known_bce(logits, self.targets(batch))


class FindingsHead(Head, ABC):
    """A head that is trained by a registered loss, which also says what its logits mean.

    `calibration` is None until the scores of studies that the model has not seen were looked at (`calibration.json` of
    a model folder). The loss is of the logits as they are.
    """

    criterion: Loss

    def __init__(self) -> None:
        super().__init__()
        self.calibration: Calibration | None = None

    def calibrated(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        return logits.float() if self.calibration is None else self.calibration(logits)

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        return self.criterion.probabilities(self.calibrated(logits))

    def loss(self, logits: Float[Tensor, "k f"], batch: Batch) -> Float[Tensor, ""]:
        return self.criterion(logits, self.targets(batch))
