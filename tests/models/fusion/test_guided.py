"""The network of guidance and its fusion."""

from __future__ import annotations

import pytest
import torch
from parts import config_of, mixed_batch, model_of
from torch import nn

from mmdx.errors import UsageError
from mmdx.models.fusion.guided import Guide, Guided


def test_widths_are_those_of_the_paper():
    widths = [layer.out_features for layer in Guide(16, dropout=0.25).layers if isinstance(layer, nn.Linear)]
    assert widths == [8, 4, 4, 8, 16]


def test_a_guide_that_says_nothing_gives_the_mean_latent_of_training():
    guide = Guide(4, dropout=0.0).eval()
    superior = torch.tensor([[1.0, 2.0, 3.0, 4.0], [3.0, 2.0, 5.0, 0.0]])
    guide.set_scales(torch.randn(2, 4), superior)
    last = guide.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    torch.testing.assert_close(guide(torch.randn(3, 4)), torch.tensor([2.0, 2.0, 4.0, 2.0]).expand(3, 4))
    # Squared distances from the mean are 1, 0, 1, 4 in both studies: 1.5 an entry.
    assert guide.spread.item() == pytest.approx(1.5**0.5)


def test_a_latent_that_never_varies_stays_finite():
    guide = Guide(4, dropout=0.0).eval()
    guide.set_scales(torch.ones(3, 4), torch.ones(3, 4))
    assert guide(torch.ones(2, 4)).isfinite().all()


@pytest.mark.parametrize("own", [False, True])
def test_guidance_stands_behind_its_base(own):
    model = model_of(config_of(fusion={"type": "guided", "base": "gated", "own": own})).eval()
    fusion, batch = model.fusion, mixed_batch()
    assert isinstance(fusion, Guided)
    with torch.no_grad():
        output = model(batch)
        latent = fusion.base(output.features)
        guess = fusion.guide(latent)
        expected = guess if fusion.join is None else fusion.join(torch.cat([latent, guess], dim=-1))
    torch.testing.assert_close(output.fused, expected, atol=0, rtol=0)
    assert (fusion.join is not None) == own


def test_a_base_that_there_is_not_is_named():
    with pytest.raises(UsageError, match=r"model\.fusion\.base: no fusion is called 'gatd'"):
        model_of(config_of(fusion={"type": "guided", "base": "gatd"}))
