"""What training minimises: the weighted losses of the heads."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.models.model import MultimodalModel


def objective(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
    """`{"loss": total, head: its own loss …}`; the total weighs each head by its `weight`."""
    parts = {name: model.heads[name].loss(logits, batch) for name, logits in output.logits.items()}
    total = sum(model.heads[name].weight * loss for name, loss in parts.items())
    return {"loss": total, **parts}
