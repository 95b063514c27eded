"""Sections of a config: what each of them is, and that of a training, `train`."""

from __future__ import annotations

from typing import Literal

import pydantic
from pydantic import Field


class Section(pydantic.BaseModel):
    """A part of the config: frozen, and no key that it does not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class TrainConfig(Section):
    """The loop. `slices` bounds the images in a batch, `studies` the studies in it; both are per process.

    `lr` and `weight_decay` are AdamW's; `warmup` is the share of all steps over which the rate climbs, after which it
    falls along a cosine. `accumulate` batches make one optimizer step; `clip` bounds the gradient norm (0: not).
    Validation runs once per epoch: the best is that with the best macro AUROC of the `studies`, or of the `slices`
    where `judge` says so, which takes a slice head; training stops after `patience` epochs without a better one (0:
    never). `checkpoint_steps` saves the last state every so many optimizer steps, beside the end of each epoch (0: at
    the ends of epochs alone).
    """

    epochs: int = Field(default=20, ge=1)
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    slices: int = Field(default=256, ge=1)
    studies: int = Field(default=16, ge=1)
    accumulate: int = Field(default=1, ge=1)
    clip: float = Field(default=1.0, ge=0)
    precision: Literal["no", "bf16", "fp16"] = "no"
    judge: Literal["studies", "slices"] = "studies"
    patience: int = Field(default=0, ge=0)
    checkpoint_steps: int = Field(default=0, ge=0)
    workers: int = Field(default=0, ge=0)
