"""The answer of a linear model to one modality of a study."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from mmdx.models.stack.summaries import Summary


class LinearAnswer(nn.Module):
    """Logits `[b f]`: the summary of a modality less `centre [k]`, times `weight [k f]`, plus `bias [f]`."""

    centre: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self, summary: Summary, centre: Float[Tensor, "k"], weight: Float[Tensor, "k f"], bias: Float[Tensor, "f"]
    ) -> None:
        super().__init__()
        self.summary = summary
        for name, value in (("centre", centre), ("weight", weight), ("bias", bias)):
            self.register_buffer(name, value.float(), persistent=False)

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b f"]:
        # Autocast would round what a logistic regression was fitted to say.
        with torch.autocast(values.device.type, enabled=False):
            return (self.summary(values, lengths) - self.centre) @ self.weight + self.bias
