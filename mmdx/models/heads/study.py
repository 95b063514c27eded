"""The head that answers for studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features
from mmdx.errors import UsageError
from mmdx.kinds import KINDS
from mmdx.models.heads.base import BCE, BranchSizes, Findings, FindingsHead, LossPart
from mmdx.models.heads.instances import InstancePooling
from mmdx.registry import HEADS, INSTANCE_POOLINGS, LOSSES
from mmdx.schema import Component


@HEADS("study")
class StudyHead(FindingsHead):
    """One answer per study and finding, from the fused representation, from its slices, or from both.

    `slices` is an instance pooling, such as `noisy_or`: for each modality of images or descriptors that the study is
    shown, a layer answers for its items, and what the pooling makes of these answers is added, finding by finding. What
    one slice shows need not pass through a fused vector that all findings share. With `fused: false` nothing else is
    said: a study that has none of these modalities is then answered by a logit per finding that starts at the
    prevalence. `blend` is short for `slices: max` whose layers have no bias and no dropout
    (`docs/methods/study_labels.md`).
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
        slices: Annotated[Component | None, INSTANCE_POOLINGS] = None,
        fused: bool = True,
        weight: float = 1.0,
        dropout: float = 0.0,
        loss: LossPart = BCE,
    ) -> None:
        super().__init__()
        count, share = len(findings.names), findings.share("study")
        sliced = {name: sizes.items for name, sizes in branches.items() if KINDS[sizes.kind].sliced}
        _check(sliced, blend=blend, slices=slices, fused=fused)
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, count)) if fused else None
        self.own, self.poolings = nn.ModuleDict(), nn.ModuleDict()
        for name, width in sliced.items() if blend or slices else ():
            pooling = INSTANCE_POOLINGS.build(slices or Component(type="max"), "slices", width=width, findings=count)
            # What all studies with the modality share is the fused part's to say, where slices are blended in.
            self.own[name], self.poolings[name] = nn.Linear(width, count, bias=not blend), pooling
            if not blend:
                nn.init.constant_(cast(Tensor, self.own[name].bias), pooling.start)
        self.dropout = nn.Dropout(0.0 if blend else dropout)
        self.without = None if fused else nn.Parameter(torch.logit(torch.tensor(share), eps=0.01).nan_to_num())
        self.weight = weight
        self.criterion = LOSSES.build(loss, "head study", findings=findings.names, prevalence=share)

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        # Processes that train together wait for a gradient of every weight, those of an unused fusion among them.
        answer = self.layers(fused) if self.layers is not None else 0 * fused.sum(dim=1, keepdim=True)
        for name, logits in self.of_slices(encoded).items():
            features = encoded[name]
            answer = answer + self.poolings[name](logits, _real(features), features.mask)
        if self.without is None:
            return answer
        shown = torch.stack([encoded[name].mask.any(dim=1) for name in self.own]).any(dim=0)
        return torch.where(shown.unsqueeze(-1), answer, self.without)

    def of_slices(self, encoded: Mapping[str, Features]) -> dict[str, Float[Tensor, "b s f"]]:
        """The logits of the items of each modality that it pools, by modality; those behind a study's last mean
        nothing. Empty where it answers from the fused representation alone."""
        return {name: layer(self.dropout(_real(encoded[name]))) for name, layer in self.own.items()}

    def ranks(self, encoded: Mapping[str, Features], modality: str) -> Float[Tensor, "b s f"] | None:
        """What says on which items of a modality the answer stands, the largest first (`InstancePooling.ranks`); None
        where it does not look at them by themselves."""
        if modality not in self.own:
            return None
        features = encoded[modality]
        pooling = cast(InstancePooling, self.poolings[modality])
        return pooling.ranks(self.of_slices(encoded)[modality], _real(features), features.mask)

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels


def _real(features: Features) -> Float[Tensor, "b s d"]:
    """The items, zeros behind a study's last: there they may hold anything, and 0 * NaN is NaN in a gradient."""
    return features.items.masked_fill(~features.mask.unsqueeze(-1), 0.0)


def _check(sliced: Mapping[str, int], *, blend: bool, slices: Component | None, fused: bool) -> None:
    if blend and not sliced:
        raise UsageError("head study: blend looks at images or descriptors, and the model has neither; drop it")
    if slices and not sliced:
        raise UsageError(
            "head study: slices pools answers to images or descriptors, and the model has neither; drop it"
        )
    if blend and slices:
        raise UsageError(f"head study: blend is slices: max, and slices is {slices.type}; drop blend")
    if not fused and not slices:
        raise UsageError("head study: without fused the slices alone answer; say how by slices, such as noisy_or")
