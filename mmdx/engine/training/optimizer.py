"""The optimizer of a training and its learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from mmdx.models.model import trainable
from mmdx.sections import TrainConfig


def make_optimizer(model: nn.Module, train: TrainConfig) -> torch.optim.Optimizer:
    """AdamW in one pass over the weights; no decay on biases, norms and stand-ins (anything of one dimension)."""
    parameters = trainable(model)
    decayed = [p for _, p in parameters if p.dim() > 1]
    plain = [p for _, p in parameters if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": train.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=train.lr, fused=True)


def learning_rate(train: TrainConfig, done: float) -> float:
    """The rate when the share `done` of all epochs is over: a linear climb over the warm-up, then a cosine to 0."""
    if done < train.warmup:
        return train.lr * done / train.warmup
    return train.lr * 0.5 * (1 + math.cos(math.pi * (done - train.warmup) / (1 - train.warmup)))
