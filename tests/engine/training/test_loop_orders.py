"""A training in which studies of unknown order stand in random ones: killed and resumed, it is bit for bit the same."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file
from stopping import stopped_in_step
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments


def train(config: Path, run: Path, *overrides: str, resume: bool = False) -> dict[str, torch.Tensor]:
    """The last state of a training of shuffled studies."""
    resolved = resolve(read_config(config, [f"run={run}", "data.order=shuffled", *overrides]))
    experiments.train(resolved, name="a", console=Console(quiet=True), resume=resume)
    return load_file(run / "checkpoints" / "last.safetensors")


def test_resumed_it_is_bit_for_bit_the_same_and_it_is_not_the_training_on_stored_orders(tmp_path):
    config = write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw", patients=18))
    whole, stored = train(config, tmp_path / "whole"), train(config, tmp_path / "b", "data.unknown_order=stored")
    with stopped_in_step(4):
        train(config, tmp_path / "stopped")
    resumed = train(config, tmp_path / "stopped", resume=True)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert any(not torch.equal(whole[name], stored[name]) for name in whole)
