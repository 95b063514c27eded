"""What the heads of several models answer together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.models.heads.base import FindingsHead, Head


@dataclass(frozen=True)
class MeanAnswer:
    """`probabilities [k f]` of heads that answer together, and `spread [k f]`: the sample standard deviation of the
    probability that each gives by itself, None of one head alone."""

    probabilities: Float[Tensor, "k f"]
    spread: Float[Tensor, "k f"] | None = None


def mean_logits(heads: Sequence[Head], logits: Sequence[Float[Tensor, "k f"]]) -> Float[Tensor, "k f"]:
    """The mean of the calibrated logits of heads of one kind and loss, one entry per head, in float32."""
    calibrated = [head.calibrated(values) for head, values in zip(heads, logits, strict=True)]
    return torch.stack(calibrated).mean(dim=0)


def answer_together(heads: Sequence[Head], logits: Sequence[Float[Tensor, "k f"]]) -> MeanAnswer:
    """What heads of one kind and loss say to the same studies or images: what the mean of their calibrated logits
    means. Under a softmax this is the normalised geometric mean of the probabilities."""
    own = [head.probabilities(values) for head, values in zip(heads, logits, strict=True)]
    if len(own) == 1:
        return MeanAnswer(own[0])
    mean, head = mean_logits(heads, logits), heads[0]
    together = head.criterion.probabilities(mean) if isinstance(head, FindingsHead) else mean.sigmoid()
    return MeanAnswer(together, torch.stack(own).std(dim=0))
