"""Latents: the fused vectors that a frozen model makes of studies, and the loop that trains a small part on them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from jaxtyping import Float, Int
from torch import Tensor, nn

from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.score import answered
from mmdx.errors import DataError
from mmdx.schema import GuidanceConfig


@dataclass(frozen=True)
class Latents:
    """Rows of a store with the fused vector of each, their labels, and the logits of each study head."""

    rows: tuple[int, ...]
    fused: Float[Tensor, "n d"]
    labels: Float[Tensor, "n f"]
    logits: Mapping[str, Float[Tensor, "n f"]]

    def of(self, rows: Sequence[int]) -> Float[Tensor, "k d"]:
        """The fused vectors of some of the rows, in the order asked for."""
        place = {row: index for index, row in enumerate(self.rows)}
        return self.fused[[place[row] for row in rows]]


def encode_rows(saved: SavedModel, store: Store, rows: Sequence[int], accelerator: Accelerator) -> Latents:
    """The latents of `rows`, without augmentation or dropout.

    They are the same on every process, complete, and lie on the CPU.
    """
    heads = list(saved.model.heads_of("study"))
    encoded: list[tuple[str, list[Tensor]]] = []
    for batch, output in answered(saved, store, rows, None, accelerator):
        values = [output.fused, batch.labels, *(output.logits[name] for name in heads)]
        columns = [value.float().cpu() for value in values]
        encoded += [(study, [column[i] for column in columns]) for i, study in enumerate(batch.study_ids)]
    by_study = dict(gather_object(encoded))
    fused, labels, *logits = (torch.stack(c) for c in zip(*(by_study[store.study_ids[r]] for r in rows), strict=True))
    return Latents(tuple(rows), fused, labels, dict(zip(heads, logits, strict=True)))


def fit_on_latents(
    part: nn.Module,
    loss: Callable[[Int[Tensor, "k"]], Float[Tensor, ""]],
    measure: Callable[[], float],
    *,
    count: int,
    options: GuidanceConfig,
    seed: int,
) -> list[dict[str, int | float]]:
    """Trains `part` and leaves it with the weights of its best epoch; returns one line of the log per epoch.

    `loss` gives the loss of some of `count` training rows, and `measure` the error on validation rows after an epoch,
    the lower the better. `options.patience` epochs without a better one end the training. It takes seconds on a CPU,
    so that nothing is kept to resume from. Raises `DataError` where no epoch has a finite measure.
    """
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(part.parameters(), lr=options.lr)
    best, weights, lines, since = float("inf"), None, [], 0
    for epoch in range(options.epochs):
        part.train()
        total = 0.0
        for rows in torch.randperm(count).split(options.studies):
            optimizer.zero_grad()
            value = loss(rows)
            value.backward()
            optimizer.step()
            total += value.item() * len(rows) / count
        part.eval()
        with torch.no_grad():
            error = measure()
        lines.append({"step": epoch + 1, "loss": total, "val_loss": error})
        since += 1
        if error < best:
            best, weights, since = error, copy.deepcopy(part.state_dict()), 0
        if since >= options.patience:
            break
    if weights is None:
        raise DataError("what learns on frozen latents has no finite validation loss; look at train.lr and guidance.lr")
    part.load_state_dict(weights)
    return lines
