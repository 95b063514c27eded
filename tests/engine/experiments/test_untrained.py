"""Models that describe and are never trained: what their config keeps, and what they are refused for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from cohorts import folder_cohort, prepared
from rich.console import Console

from mmdx.config_file import parse_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.untrained import describing_config, untrained_model
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Augment

FROZEN = {"type": "timm", "name": "test_resnet", "frozen": True}


def setting_of(home: Path, encoder: object) -> Setting:
    store = prepared(folder_cohort(home / "raw"), home / "store")
    image = {"encoder": encoder, "sequence": "lstm", "augment": {"flip": 0.5}}
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": image, "report": "bilstm_attention"}}}
    config = resolve(parse_config(raw, "test"))
    described = describing_config(config, config.model, ["image"])
    console = Console(quiet=True)
    return Setting(described, RunLayout(home / "run"), store, store.splits, Accelerator(cpu=True), console)


def test_it_has_the_encoder_alone_and_is_a_model_folder(tmp_path: Path):
    setting = setting_of(tmp_path, FROZEN)
    section = setting.config.model.inputs["image"]
    assert list(setting.config.model.inputs) == ["image"]
    assert (section.sequence.type, section.augment) == ("mean", Augment())
    saved, loaded = untrained_model(setting), load_model(setting.run.best)
    assert not loaded.facts.trained
    pairs = zip(saved.model.state_dict().values(), loaded.model.state_dict().values(), strict=True)
    assert all(torch.equal(left, right) for left, right in pairs)


def test_an_encoder_that_would_learn_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"model\.inputs\.image: its encoder is not frozen"):
        untrained_model(setting_of(tmp_path, "timm"))
    assert not (tmp_path / "run").exists()
