"""Objectives by which the latent of a model learns from that of another: its distances, its identities, its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.engine.training.objective import Objective, objective
from mmdx.models.model import MultimodalModel

Latents = Mapping[str, Float[Tensor, "d"]]
"""The fused vectors of another model, the teacher, by study."""
CLOSE = 0.1
"""The temperature of a contrast between cosines."""


def relational(teacher: Latents, *, weight: float) -> Objective:
    """The objective of the heads, and the distances between the studies of a batch, which are to be the teacher's.

    Each set of distances is divided by its mean, so that scale and width do not matter (relational knowledge
    distillation by distance, Park et al. 2019, arXiv 1904.05068). Less than three studies with a latent say nothing.
    """

    def added(model: MultimodalModel, output: Output, batch: Batch) -> Float[Tensor, ""]:
        theirs, known = latents_of(batch, teacher)
        if int(known.sum()) < 3:
            return output.fused.sum() * 0
        own = output.fused[known].float()
        return F.smooth_l1_loss(_distances(own), _distances(theirs[known]))

    return _with("relational", added, weight)


def contrastive(teacher: Latents, *, weight: float) -> Objective:
    """The objective of the heads, and a contrast: among the latents of all training studies, which is this study's?

    Cross-entropy over cosines to the teacher's latents around their mean (InfoNCE with all others as negatives, after
    Tian et al. 2020, arXiv 1910.10699, without its projections: both latents have the width of the model).
    """
    studies = {study: place for place, study in enumerate(teacher)}
    bank = torch.stack(list(teacher.values()))
    mean = bank.mean(dim=0)

    def added(model: MultimodalModel, output: Output, batch: Batch) -> Float[Tensor, ""]:
        known = [place for place, study in enumerate(batch.study_ids) if study in studies]
        if not known:
            return output.fused.sum() * 0
        own = output.fused[known].float()
        theirs = F.normalize(bank - mean, dim=1).to(own.device)
        cosines = F.normalize(own - mean.to(own.device), dim=1) @ theirs.T
        targets = torch.tensor([studies[batch.study_ids[place]] for place in known], device=own.device)
        return F.cross_entropy(cosines / CLOSE, targets)

    return _with("contrastive", added, weight)


def shared(superior: Sequence[str], inferior: Sequence[str], *, weight: float) -> Objective:
    """The objective of the heads of a model of both sides, whose encoders meet in one latent.

    The vector of each inferior modality is drawn to that of each superior one of the same study, both brought to mean 0
    and variance 1; the superior one stays where its own losses take it. Studies that are shown both count.
    """

    def added(model: MultimodalModel, output: Output, batch: Batch) -> Float[Tensor, ""]:
        columns = {name: place for place, name in enumerate(model.branches)}
        losses = []
        for strong in superior:
            for weak in inferior:
                both = output.present[:, columns[strong]] & output.present[:, columns[weak]]
                losses.append(_apart(output.features[weak].pooled, output.features[strong].pooled.detach(), both))
        return torch.stack(losses).mean()

    return _with("shared", added, weight)


def latents_of(batch: Batch, teacher: Latents) -> tuple[Float[Tensor, "b d"], Bool[Tensor, "b"]]:
    """The teacher's latents of the studies of a batch, and which studies it has one of (0 for the others)."""
    nothing = torch.zeros_like(next(iter(teacher.values())))
    latents = torch.stack([teacher.get(study, nothing) for study in batch.study_ids])
    known = torch.tensor([study in teacher for study in batch.study_ids])
    return latents.to(batch.labels.device), known.to(batch.labels.device)


def _with(name: str, added: Callable[[MultimodalModel, Output, Batch], Float[Tensor, ""]], weight: float) -> Objective:
    """The objective of the heads with one more part of this weight."""

    def both(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        parts, more = objective(model, output, batch), added(model, output, batch)
        return {**parts, "loss": parts["loss"] + weight * more, name: more}

    return both


def _distances(latents: Float[Tensor, "k d"]) -> Float[Tensor, "p"]:
    """The distances of all pairs, divided by their mean."""
    distances = torch.pdist(latents)
    return distances / distances.mean().clamp(min=torch.finfo(distances.dtype).tiny)


def _apart(own: Float[Tensor, "b d"], theirs: Float[Tensor, "b d"], both: Bool[Tensor, "b"]) -> Float[Tensor, ""]:
    """The mean squared distance of standardised vectors of the studies `both`; 0 where there are none."""
    size = own.shape[-1:]
    squares = (F.layer_norm(own.float(), size) - F.layer_norm(theirs.float(), size)).square().mean(dim=1)
    return torch.where(both, squares, 0.0).sum() / both.sum().clamp(min=1)
