"""What training minimises: the weighted losses of the heads."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.models.model import MultimodalModel


def objective(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
    """`{"loss": total, head: its own loss …}`; the total weighs each head by its `weight`."""
    heads = model.answering
    parts = {name: heads[name].loss(logits, batch) for name, logits in output.logits.items()}
    total = torch.stack([heads[name].weight * loss for name, loss in parts.items()]).sum()
    return {"loss": total, **parts}
