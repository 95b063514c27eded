"""The head that answers for slices."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.models.heads.base import BCE, BranchSizes, Findings, FindingsHead, LossPart
from mmdx.models.packing import unpad
from mmdx.registry import HEADS, LOSSES


@HEADS("slice")
class SliceHead(FindingsHead):
    """One answer per image (or descriptor) of `modality` and finding, from the items that its sequence model gives.

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
        # Images before descriptors: the first name is the default.
        sliced = {name: KINDS[sizes.kind] for name, sizes in branches.items() if KINDS[sizes.kind].sliced}
        names = sorted(sliced, key=lambda name: not sliced[name].pictured)
        if not names:
            raise UsageError("head slice: the model has no modality of images or descriptors; drop this head")
        self.images = self.modality = modality or names[0]
        if self.modality not in names:
            raise UsageError(
                f"head slice: no modality of images or descriptors is called '{self.modality}'; "
                f"{did_you_mean(self.modality, names)}"
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
        features = encoded[self.images]
        logits = self.layers(unpad(features.items, features.mask))
        if self.own is not None and features.vectors is not None:
            logits = logits + self.own(unpad(features.vectors, features.mask))
        return logits

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.slice_labels[self.images]
