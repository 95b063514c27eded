"""The head that answers for studies."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features
from mmdx.errors import UsageError
from mmdx.kinds import KINDS
from mmdx.models.heads.base import BCE, BranchSizes, Findings, FindingsHead, LossPart
from mmdx.models.packing import masked_max
from mmdx.registry import HEADS, LOSSES


@HEADS("study")
class StudyHead(FindingsHead):
    """One answer per study and finding, from the fused representation.

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
        sliced = {name: sizes.items for name, sizes in branches.items() if KINDS[sizes.kind].sliced}
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
            features = encoded[name]
            answer = answer + masked_max(layer(features.items), features.mask)
        return answer

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels
