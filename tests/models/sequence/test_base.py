"""What every sequence model keeps: widths that it names, a finite answer without items, and order where it minds it."""

from __future__ import annotations

import pytest
import torch

from mmdx.models.sequence.base import SequenceModel
from mmdx.registry import SEQUENCES
from mmdx.schema import Component

MASK = torch.tensor([[True, True, True], [True, False, False], [False, False, False]])
PLACES = torch.tensor([[0.0, 5.0, 10.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


@pytest.fixture(params=SEQUENCES.names())
def model(request: pytest.FixtureRequest) -> SequenceModel:
    torch.manual_seed(0)
    return SEQUENCES.build(Component(type=request.param), "test", width=4).eval()


def items() -> torch.Tensor:
    return torch.randn(3, 3, 4, generator=torch.Generator().manual_seed(1))


def test_features_are_as_wide_as_the_model_says(model: SequenceModel) -> None:
    features = model(items(), MASK, PLACES)
    assert features.items.shape == (3, 3, model.item_dim)
    assert features.pooled.shape == (3, model.dim)
    assert features.pooled.isfinite().all()


def test_padding_cannot_matter(model: SequenceModel) -> None:
    changed = items().masked_fill(~MASK[..., None], 1000.0)
    first, second = model(items(), MASK, PLACES), model(changed, MASK, PLACES)
    torch.testing.assert_close(first.pooled[:2], second.pooled[:2])


def test_a_model_minds_the_order_where_it_says_so_and_nowhere_else(model: SequenceModel) -> None:
    turned = items().flip(dims=(1,))
    pooled, reversed_pooled = model(items(), MASK, PLACES).pooled[0], model(turned, MASK, PLACES).pooled[0]
    assert torch.allclose(pooled, reversed_pooled, atol=1e-5) is not model.minds_order
