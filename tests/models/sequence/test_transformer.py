"""The transformer over items: what padding, places and an unknown place do."""

from __future__ import annotations

import math

import pytest
import torch

from mmdx.errors import UsageError
from mmdx.models.sequence.transformer import SliceTransformer, sinusoids

ITEMS = torch.tensor([[[1.0, 5.0], [3.0, -1.0], [9.0, 9.0]]])
TWO_OF_THREE = torch.tensor([[True, True, False]])
IN_MM = torch.tensor([[0.0, 7.5, 0.0]])
NOWHERE = torch.full((1, 3), torch.nan)


@pytest.fixture
def model() -> SliceTransformer:
    torch.manual_seed(0)
    return SliceTransformer(2, hidden=8, heads=2, layers=1).eval()


def test_padding_does_not_matter_whatever_it_holds(model):
    alone = model(ITEMS[:, :2], TWO_OF_THREE[:, :2], IN_MM[:, :2])
    for beyond in (9.0, torch.nan):
        items = ITEMS.clone()
        items[:, 2] = beyond
        padded = model(items, TWO_OF_THREE, IN_MM)
        torch.testing.assert_close(padded.pooled, alone.pooled, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(padded.items[:, :2], alone.items, atol=1e-6, rtol=1e-6)


def test_a_study_without_items_stays_finite(model):
    nobody = torch.zeros(1, 3, dtype=torch.bool)
    assert model(ITEMS, nobody, NOWHERE).pooled.isfinite().all()


def test_the_order_and_the_places_matter(model):
    whole = torch.ones(1, 3, dtype=torch.bool)
    near, far = torch.tensor([[0.0, 5.0, 10.0]]), torch.tensor([[0.0, 5.0, 40.0]])
    first = model(ITEMS, whole, near).pooled
    assert (first - model(ITEMS.flip(1), whole, near).pooled).abs().max() > 1e-3
    assert (first - model(ITEMS, whole, far).pooled).abs().max() > 1e-3


def test_items_that_move_with_their_places_say_the_same(model):
    whole, places = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0.0, 5.0, 10.0]])
    moved = model(ITEMS.flip(1), whole, places.flip(1))
    torch.testing.assert_close(moved.pooled, model(ITEMS, whole, places).pooled, atol=1e-5, rtol=1e-5)


def test_unknown_places_are_counted_five_mm_each_and_marked(model):
    counted = torch.tensor([[0.0, 5.0, 10.0]])
    whole = torch.ones(1, 3, dtype=torch.bool)
    by_index, in_mm = model(ITEMS, whole, NOWHERE).pooled, model(ITEMS, whole, counted).pooled
    assert (by_index - in_mm).abs().max() > 1e-4
    with torch.no_grad():
        model.by_index.zero_()
    torch.testing.assert_close(model(ITEMS, whole, NOWHERE).pooled, in_mm)


def test_one_unknown_place_makes_the_whole_study_counted(model):
    whole = torch.ones(1, 3, dtype=torch.bool)
    partly = torch.tensor([[0.0, torch.nan, 80.0]])
    torch.testing.assert_close(model(ITEMS, whole, partly).pooled, model(ITEMS, whole, NOWHERE).pooled)


def test_sinusoids_run_from_4_to_1024_mm():
    waves = sinusoids(torch.tensor([[0.0, 1.0, 256.0]]), 4)[0]
    assert waves[0].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert waves[1].tolist() == pytest.approx(
        [1.0, math.sin(2 * math.pi / 1024), 0.0, math.cos(2 * math.pi / 1024)], abs=1e-6
    )
    assert waves[2].tolist() == pytest.approx([0.0, 1.0, 1.0, 0.0], abs=1e-4)


@pytest.mark.parametrize(("hidden", "heads"), [(10, 4), (9, 3), (8, 0)])
def test_a_width_that_heads_cannot_share_is_refused(hidden, heads):
    with pytest.raises(UsageError, match=f"hidden {hidden} must be even and a multiple of heads {heads}; try"):
        SliceTransformer(2, hidden=hidden, heads=heads)
