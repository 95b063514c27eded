"""What training minimises: the weighted losses of the heads, unless a training brings another objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.models.model import MultimodalModel

Objective = Callable[[MultimodalModel, Output, Batch], dict[str, Float[Tensor, ""]]]
"""`{"loss": what is minimised, part: …}` of one batch; the parts are logged."""


def objective(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
    """`{"loss": total, head: its own loss …}`; the total weighs each head by its `weight`."""
    heads = model.answering
    # The boxes of the output have moved with the images.
    batch = replace(batch, boxes=output.boxes)
    parts = {name: heads[name].loss(logits, batch) for name, logits in output.logits.items()}
    total = torch.stack([heads[name].weight * loss for name, loss in parts.items()]).sum()
    return {"loss": total, **parts}
