"""Packed images with their neighbours as channels, and in random orders."""

from __future__ import annotations

import torch

from mmdx.models.packing import drawn_order, item_mask, with_neighbours

LENGTHS = torch.tensor([3, 0, 2])
IMAGES = torch.tensor([[1, 10], [2, 20], [3, 30], [4, 40], [5, 50]]).float().reshape(5, 2, 1, 1)
"""Two channels, such as windows; studies of three, none and two images."""


def test_neighbours_are_channels_and_edges_repeat_their_own_slice():
    seen = with_neighbours(IMAGES, LENGTHS, 1)
    assert seen.shape == (5, 6, 1, 1)
    assert seen[:, 0::2].flatten(1).tolist() == [[1, 1, 2], [1, 2, 3], [2, 3, 3], [4, 4, 5], [4, 5, 5]]


def test_the_channels_of_one_neighbour_stand_together():
    assert with_neighbours(IMAGES, LENGTHS, 1)[1].flatten().tolist() == [1, 10, 2, 20, 3, 30]


def test_two_neighbours_never_reach_into_another_study():
    seen = with_neighbours(IMAGES[:, :1], LENGTHS, 2).flatten(1)
    assert seen[2].tolist() == [1, 2, 3, 3, 3]
    assert seen[3].tolist() == [4, 4, 4, 5, 5]


def test_an_order_is_drawn_for_unordered_studies_alone_and_of_their_real_items():
    mask = item_mask(torch.tensor([4, 6, 0, 6]))
    unordered = torch.tensor([True, False, False, True])
    torch.manual_seed(0)
    draws = torch.stack([drawn_order(unordered, mask) for _ in range(200)])
    assert draws.sort(dim=-1).values.eq(torch.arange(6)).all()
    assert draws[:, 0, 4:].eq(torch.tensor([4, 5])).all()
    assert draws[:, 1:3].eq(torch.arange(6)).all()
    # Every item of the first study comes first about as often: 200 draws of 4.
    assert draws[:, 0, 0].bincount(minlength=4).min() > 25
    assert draws[:, 0].unique(dim=0).shape[0] == 24
