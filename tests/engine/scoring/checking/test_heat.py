"""Heat, and how alike two are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parts import batch_of, config_of, model_of, sample
from scipy.stats import spearmanr

from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.checking.heat import blurred, dealt_anew, likeness, rolled, under


def test_likeness_is_the_size_of_spearmans_correlation():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randint(0, 5, (2, 2, 6, 6), generator=generator).float()
    expected = abs(spearmanr(first.flatten(), second.flatten()).statistic)
    assert likeness(first, second) == pytest.approx(expected)
    assert likeness(first, -first) == pytest.approx(1)
    assert np.isnan(likeness(first, torch.zeros_like(first)))


def test_weights_dealt_anew_are_the_same_numbers_elsewhere_and_the_model_stays():
    model = model_of(config_of(heads={"study": "study"})).eval()
    batch = batch_of([sample(1, images=3, words=4)])
    with torch.no_grad():
        before = model(batch)
    blank = dealt_anew(model, torch.Generator().manual_seed(0))
    other = under(Explained.of(model, batch, before, "image", 0), blank)
    for mine, theirs in zip(model.parameters(), blank.parameters(), strict=True):
        assert torch.equal(mine.flatten().sort().values, theirs.flatten().sort().values)
    assert not torch.equal(other.output.logits["study"], before.logits["study"])
    with torch.no_grad():
        assert torch.equal(model(batch).logits["study"], before.logits["study"])


def test_heat_elsewhere_is_the_same_heat():
    heat = torch.arange(2.0 * 16 * 16).view(2, 16, 16)
    moved = rolled(heat, torch.Generator().manual_seed(0))
    assert torch.equal(moved.flatten(1).sort().values, heat.flatten(1).sort().values)
    assert not torch.equal(moved, heat)


def test_blurring_keeps_the_mean_and_loses_what_is_small():
    images = torch.zeros(1, 1, 32, 32)
    images[0, 0, 16, 16] = 1
    soft = blurred(images)
    assert soft.max() < 0.1
    assert soft.mean().item() == pytest.approx(images.mean().item(), rel=0.5)
    assert torch.allclose(blurred(torch.full((2, 3, 5, 7), 0.4)), torch.tensor(0.4))
