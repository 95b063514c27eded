"""The plugin of `signals.py` on the side of the model: an encoder of signals, and the branch that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import signals  # noqa: F401  (registers the kind)
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Features, Packed
from mmdx.models.branches.base import Branch, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.packing import item_mask, pad
from mmdx.registry import BRANCHES, Registry
from mmdx.schema import InputConfig

SIGNAL_ENCODERS = Registry("signal encoder")


@SIGNAL_ENCODERS("test_leads")
class Leads(nn.Module):
    """One layer over the leads of a signal, moment by moment."""

    def __init__(self, leads: int, *, hidden: int = 4) -> None:
        super().__init__()
        self.layer, self.dim = nn.Linear(leads, hidden), hidden

    def forward(self, moments: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        return self.layer(moments).tanh()


@BRANCHES("test_signals")
class SignalBranch(Branch):
    """The mean over the moments of a signal; the sampling rate is all that it keeps as an architecture."""

    encoders = SIGNAL_ENCODERS

    def __init__(self, encoder: Leads, dim: int) -> None:
        super().__init__()
        self.encoder, self.project = encoder, projection(encoder.dim, dim)
        self.sizes = BranchSizes("test_signals", items=encoder.dim)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        encoder = SIGNAL_ENCODERS.build(section.encoder, f"{where}.encoder", leads=facts.width)
        return cls(encoder, dim), {"hertz": facts.detail("hertz")}

    def forward(self, packed: Packed) -> Features:
        mask = item_mask(packed.lengths)
        items = pad(self.encoder(packed.values), mask)
        counts = packed.lengths.clamp(min=1)[:, None]
        return Features(items=items, mask=mask, pooled=self.project(items.sum(dim=1) / counts))
