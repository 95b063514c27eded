"""Distillation: an objective by which a model learns from another one's answers as well (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Output
from mmdx.engine.training.objective import Objective, objective
from mmdx.models.heads.base import Head
from mmdx.models.model import MultimodalModel

Answers = Mapping[str, Mapping[str, Float[Tensor, "f"]]]
"""Of each study head, by its name: the teacher's logits by study."""


def distilled(teacher: Answers, *, temperature: float, share: float) -> Objective:
    """The objective of the heads, of whose loss the teacher's answers, softened by `temperature`, take `share`.

    A study that the teacher never answered counts by its labels alone.
    """

    def both(model: MultimodalModel, output: Output, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        parts = objective(model, output, batch)
        soft = [
            model.answering[name].weight
            * soft_loss(model.answering[name], output.logits[name], answers_to(batch, answers), temperature)
            for name, answers in teacher.items()
        ]
        told = torch.stack(soft).sum()
        return {**parts, "loss": (1 - share) * parts["loss"] + share * told, "distilled": told}

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
    known = ~answers.isnan()
    said = head.probabilities(logits.float() / temperature)
    wanted = head.probabilities(answers.nan_to_num() / temperature)
    losses = F.binary_cross_entropy(said, wanted, reduction="none")
    return temperature**2 * (losses * known).sum() / known.sum().clamp(min=1)
