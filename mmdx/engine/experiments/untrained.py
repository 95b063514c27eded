"""Models that describe images and are never trained: frozen encoders alone, for a second stage that reads descriptors.

Such a model is a model folder like any other, so that a second stage can make its descriptors of new images. Its head
has learned nothing, and nobody is shown what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel, write_description, write_weights
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError
from mmdx.models.branches.base import Branch
from mmdx.schema import Augment, Component, Config, ModelConfig, TrainConfig


def describing_config(config: Config, model: ModelConfig, names: Sequence[str]) -> Config:
    """The config of a model that describes the inputs `names` of `model`, and does nothing else."""
    plain = {"sequence": Component(type="mean"), "augment": Augment()}
    inputs = {name: model.inputs[name].model_copy(update=plain) for name in names}
    data = config.data.model_copy(update={"tables": {}, "folds": None, "primary": None})
    changes = {"data": data, "first": None, "guidance": None, "run": None, "train": TrainConfig()}
    return resolve(config.model_copy(update={**changes, "model": ModelConfig(inputs=inputs)}))


def untrained_model(setting: Setting) -> SavedModel:
    """The model of a `describing_config` on the device, with the weights that it starts from; its model folder lies in
    the run folder of `setting`.

    Raises `UsageError` where an encoder is not frozen: as it is, it would describe nothing, and once trained, the
    studies that it has learned from.
    """
    config, run = setting.config, setting.run
    torch.manual_seed(config.seed)
    model, facts = build_model(config, replace(facts_of(config, setting.store, {}, []), trained=False))
    for name, branch in model.branches.items():
        if isinstance(branch, Branch) and branch.learns_vectors():
            raise UsageError(
                f"model.inputs.{name}: its encoder is not frozen, and has learned nothing yet; set "
                f"model.inputs.{name}.encoder.frozen=true, or train it and extract the run"
            )
    saved = SavedModel(model.eval(), config, facts, {})
    if setting.is_main:
        write_description(run.best, config, facts, {})
        write_weights(run.best, model)
    setting.accelerator.wait_for_everyone()
    model.to(setting.accelerator.device)
    return saved
