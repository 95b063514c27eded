"""A window of neighbours, with weights that copy what stands in it."""

from __future__ import annotations

import pytest
import torch

from mmdx.errors import UsageError
from mmdx.models.sequence.adjacent import Adjacent

ITEMS = torch.tensor([[[1.0], [2.0], [4.0]], [[8.0], [99.0], [99.0]]])
MASK = torch.tensor([[True, True, True], [True, False, False]])
NOWHERE = torch.full((2, 3), torch.nan)


def copying(reach: int) -> Adjacent:
    """Output j copies the item at step j - reach; the last output counts the real items in the window."""
    taps = 2 * reach + 1
    model = Adjacent(1, reach=reach, hidden=taps + 1)
    with torch.no_grad():
        model.window.weight.zero_()
        model.window.bias.zero_()
        for tap in range(taps):
            model.window.weight[tap, 0, tap] = 1.0
        model.window.weight[taps, 1] = 1.0
    return model


def test_each_item_sees_its_neighbours_and_zeros_beyond_the_edge():
    seen = copying(1)(ITEMS, MASK, NOWHERE)
    assert seen.items[0].tolist() == [[0.0, 1.0, 2.0, 2.0], [1.0, 2.0, 4.0, 3.0], [2.0, 4.0, 0.0, 2.0]]


def test_padding_is_no_neighbour_and_the_answer_is_the_maximum_over_real_items():
    seen = copying(1)(ITEMS, MASK, NOWHERE)
    assert seen.items[1, 0].tolist() == [0.0, 8.0, 0.0, 1.0]
    assert seen.pooled.tolist() == [[2.0, 4.0, 4.0, 3.0], [0.0, 8.0, 0.0, 1.0]]


def test_without_neighbours_an_item_sees_itself():
    assert copying(0)(ITEMS, MASK, NOWHERE).items[0].tolist() == [[1.0, 1.0], [2.0, 1.0], [4.0, 1.0]]


def test_a_wide_window_reaches_over_a_short_study():
    assert copying(2)(ITEMS, MASK, NOWHERE).items[0, 1].tolist() == [0.0, 1.0, 2.0, 4.0, 0.0, 3.0]


def test_a_study_without_items_is_finite():
    assert copying(1)(ITEMS, torch.zeros_like(MASK), NOWHERE).pooled.tolist() == [[0.0] * 4] * 2


def test_a_window_does_not_shrink_below_its_item():
    with pytest.raises(UsageError, match="reach is -1; give 0"):
        Adjacent(1, reach=-1)
