"""Descriptors of any width and scale become vectors of ours, and go through the sequence models that images do."""

from __future__ import annotations

import pytest
import torch

from mmdx.batch import Packed
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.sequence.pooling import Attention
from mmdx.models.vectors import Mlp


def test_the_width_is_that_asked_for_and_the_scale_does_not_matter():
    torch.manual_seed(0)
    encoder = Mlp(6, hidden=4).eval()
    descriptors = torch.randn(5, 6)
    vectors = encoder(descriptors)
    assert vectors.shape == (5, encoder.dim) == (5, 4)
    torch.testing.assert_close(encoder(1000 * descriptors + 7), vectors, atol=1e-3, rtol=1e-3)


def test_a_branch_weighs_the_descriptors_of_a_study_and_of_no_other():
    torch.manual_seed(0)
    branch = VectorBranch(Mlp(6, hidden=4), Attention(4), 3).eval()
    seen = branch(Packed(torch.randn(5, 6), torch.tensor([2, 0, 3])))
    assert seen.pooled.shape == (3, 3)
    assert seen.mask.sum(dim=1).tolist() == [2, 0, 3]
    assert seen.weights is not None
    assert seen.weights.sum(dim=1).tolist() == pytest.approx([1, 0, 1])
