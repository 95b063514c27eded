"""Stacking (Wolpert 1992): one answer to a study from those of the network and of linear models beside it.

The network answers to all that a study is shown, and to each modality of it alone; a linear model answers to one
modality. How much each of them counts hangs on which modalities are shown, so that a study without a report is answered
by what was fitted to answer without reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Packed
from mmdx.models.stack.linear import LinearAnswer

NETWORK, LINEAR = "network", "linear"
"""Members: the network's answer to all that is shown, or, as `network image`, to the images alone; and as
`linear image` that of a linear model to the images."""
Network = Callable[[Bool[Tensor, "b m"]], Float[Tensor, "b f"]]
"""The logits of the network where modalities are shown so."""


@dataclass(frozen=True)
class Weighting:
    """What answers count, `weight [k f]` by member, and `shift [f]`, where `shown` are the modalities of a study."""

    shown: tuple[str, ...]
    members: tuple[str, ...]
    weight: Float[Tensor, "k f"]
    shift: Float[Tensor, "f"]


def member(kind: str, modality: str) -> str:
    """What an answer to one modality is called."""
    return f"{kind} {modality}"


class Stack(nn.Module):
    """The answers to studies, `[b f]` logits; `modalities` are those of the model in its order, `head` the study head
    whose logits they take the place of.

    `linear` are the linear models by modality. Where a study is shown modalities of which there is none, the
    network's answer stays as it is.
    """

    def __init__(
        self, head: str, modalities: Sequence[str], linear: Mapping[str, LinearAnswer], weightings: Sequence[Weighting]
    ) -> None:
        super().__init__()
        self.head, self.modalities = head, tuple(modalities)
        self.linear = nn.ModuleDict(linear)
        self.weightings = tuple(weightings)

    def answers(
        self,
        packed: Mapping[str, Packed],
        present: Bool[Tensor, "b m"],
        network: Float[Tensor, "b f"],
        asked: Network,
    ) -> dict[str, Float[Tensor, "b f"]]:
        """The logits of every member: `network` says to all that is `present` what `asked` says to less of it. Those to
        a modality that a study is not shown are finite and mean nothing."""
        answers = {NETWORK: network.float()}
        for column, name in enumerate(self.modalities if len(self.modalities) > 1 else ()):
            only = torch.zeros_like(present)
            only[:, column] = present[:, column]
            answers[member(NETWORK, name)] = asked(only).float()
        for name, model in self.linear.items():
            items = packed[name]
            there = items.values.shape[0]
            logits = model(items.values, items.lengths) if there else torch.zeros_like(answers[NETWORK])
            answers[member(LINEAR, name)] = logits
        return answers

    def forward(
        self, answers: Mapping[str, Float[Tensor, "b f"]], present: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b f"]:
        """One answer from those of all members, each counting as what is `present` tells."""
        joined = answers[NETWORK]
        for weighting in self.weightings:
            shown = torch.tensor([name in weighting.shown for name in self.modalities], device=present.device)
            here = (present == shown).all(dim=1, keepdim=True)
            several = torch.stack([answers[name] for name in weighting.members])
            weight, shift = weighting.weight.to(several), weighting.shift.to(several)
            joined = torch.where(here, (several * weight[:, None]).sum(dim=0) + shift, joined)
        return joined
