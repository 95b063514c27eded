"""What training minimises: the weighted losses of the heads, or these and the answers of another model beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.models.heads.base import Head
from mmdx.models.model import MultimodalModel

Objective = Callable[[MultimodalModel, Output, Batch], dict[str, Float[Tensor, ""]]]
"""`{"loss": what is minimised, part: …}` of one batch; the parts are logged."""
Answers = Mapping[str, Mapping[str, Float[Tensor, "f"]]]
"""Of each study head, by its name: the logits of another model, the teacher, by study."""


def objective(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
    """`{"loss": total, head: its own loss …}`; the total weighs each head by its `weight`.

    The mean loss of the study heads' answers to each modality alone, `alone`, is added with the weight of that name.
    """
    heads = model.answering
    # The boxes of the output have moved with the images.
    batch = replace(batch, boxes=output.boxes)
    parts = {name: heads[name].loss(logits, batch) for name, logits in output.logits.items()}
    total = torch.stack([heads[name].weight * loss for name, loss in parts.items()]).sum()
    if output.alone:
        parts["alone"] = torch.stack(losses_alone(model, output, batch)).mean()
        total = total + model.alone * parts["alone"]
    return {"loss": total, **parts}


def losses_alone(model: MultimodalModel, output: Output, batch: Batch) -> list[Float[Tensor, ""]]:
    """The loss of the answers to each modality by itself, over the studies that have it."""
    losses = []
    for modality, logits in output.alone.items():
        present = batch.present(modality)[:, None]
        having = replace(batch, labels=torch.where(present, batch.labels, torch.nan))
        heads = [model.answering[name].weight * model.answering[name].loss(logits[name], having) for name in logits]
        losses.append(torch.stack(heads).sum())
    return losses


def distilled(teacher: Answers, *, temperature: float, share: float) -> Objective:
    """The objective of the heads, of whose loss the teacher's answers, softened by `temperature`, take `share`.

    Knowledge distillation (Hinton et al. 2015, arXiv 1503.02531). A study that the teacher never
    answered counts by its labels alone.
    """

    def both(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        parts = objective(model, output, batch)
        soft = [
            model.answering[name].weight
            * soft_loss(model.answering[name], output.logits[name], answers_to(batch, answers), temperature)
            for name, answers in teacher.items()
        ]
        total = torch.stack(soft).sum()
        return {**parts, "loss": (1 - share) * parts["loss"] + share * total, "distilled": total}

    return both


def answers_to(batch: Batch, answers: Mapping[str, Float[Tensor, "f"]]) -> Float[Tensor, "b f"]:
    """The teacher's logits for the studies of a batch, NaN for a study that it never answered."""
    unknown = torch.full_like(next(iter(answers.values())), torch.nan)
    return torch.stack([answers.get(study, unknown) for study in batch.study_ids]).to(batch.labels.device)


def soft_loss(
    head: Head, logits: Float[Tensor, "b f"], answers: Float[Tensor, "b f"], temperature: float
) -> Float[Tensor, ""]:
    """Cross-entropy with what `answers` say at this temperature, times its square, which keeps the size of gradients.

    Taken finding by finding on the head's own probabilities, so that it fits findings that exclude each other too; 0
    where no study has an answer.
    """
    mask = ~answers.isnan()
    probabilities = head.probabilities(logits.float() / temperature)
    targets = head.probabilities(answers.nan_to_num() / temperature)
    losses = F.binary_cross_entropy(probabilities, targets, reduction="none")
    return temperature**2 * (losses * mask).sum() / mask.sum().clamp(min=1)
