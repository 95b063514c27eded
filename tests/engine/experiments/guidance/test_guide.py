"""The guidance model on latents that are made up."""

from __future__ import annotations

import numpy as np
import torch

from mmdx.engine.experiments.guidance.guide import check_guide, fit_guide, record, said_of
from mmdx.models.fusion.guided import Guide
from mmdx.schema import GuidanceConfig

OPTIONS = GuidanceConfig(superior=("a",), inferior=("b",), epochs=150, lr=0.003, dropout=0.0)


def latents(count: int, *, seed: int) -> torch.Tensor:
    """Latents of width 12 that vary along two directions, which fit through the bottleneck."""
    basis = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)) @ basis


def taught(train: tuple[torch.Tensor, torch.Tensor], val: tuple[torch.Tensor, torch.Tensor]) -> dict:
    torch.manual_seed(0)
    guide = Guide(12, dropout=0.0)
    fit_guide(guide, train, val, OPTIONS, 0)
    with torch.no_grad():
        explained = check_guide(guide(val[0]), val[1], train[1].mean(dim=0), np.arange(len(val[0])))
    return record(explained, len(val[0]), len(val[0]))


def test_equal_latents_are_learnt_as_the_identity():
    train, val = latents(400, seed=1), latents(100, seed=2)
    check = taught((train, train), (val, val))
    assert check["r2"]["value"] > 0.95
    assert check["beats_trivial"]
    lines = said_of({"val": check, "test": check})
    assert len(lines) == 2
    assert lines[0].startswith("guidance explains R² 0.9")


def test_noise_is_said_to_be_no_better_than_the_trivial_answer():
    torch.manual_seed(7)
    noise = [torch.randn(n, 12) for n in (100, 100, 60, 60)]
    check = taught((noise[0], noise[1]), (noise[2], noise[3]))
    assert not check["beats_trivial"]
    assert check["r2"]["value"] < 0.05
    assert said_of({"val": check, "test": check})[-1].startswith("warning: guidance is not shown to be better")
