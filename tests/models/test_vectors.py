"""Descriptors of any width and scale become vectors of ours."""

from __future__ import annotations

import torch

from mmdx.models.vectors import Mlp


def test_the_width_is_that_asked_for_and_the_scale_does_not_matter():
    torch.manual_seed(0)
    encoder = Mlp(6, hidden=4).eval()
    descriptors = torch.randn(5, 6)
    vectors = encoder(descriptors)
    assert vectors.shape == (5, encoder.dim) == (5, 4)
    torch.testing.assert_close(encoder(1000 * descriptors + 7), vectors, atol=1e-3, rtol=1e-3)
