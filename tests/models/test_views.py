"""Views on values that a person can write down."""

from __future__ import annotations

import pytest
import torch

from mmdx.errors import UsageError
from mmdx.models.views import Grey, Rgb, Stacked, Windows


def test_a_window_maps_its_ends_to_0_and_1_and_clips():
    hounsfield = torch.tensor([-1024, 0, 40, 80, 3071], dtype=torch.int16).reshape(5, 1, 1, 1)
    seen = Windows(1, windows=((40.0, 80.0), (80.0, 200.0)))(hounsfield)
    assert seen.shape == (5, 2, 1, 1)
    assert seen[:, 0].flatten().tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert seen[:, 1].flatten().tolist() == pytest.approx([0.0, 0.1, 0.3, 0.5, 1.0])


def test_grey_and_rgb_repeat_grey_and_keep_colour():
    grey = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    colour = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert Grey(1, channels=3)(grey)[1].flatten().tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert Rgb(1)(grey)[2].flatten().tolist() == [1.0, 1.0, 1.0]
    assert Rgb(3)(colour).flatten().tolist() == pytest.approx([0.0, 0.2, 1.0])


def test_a_stack_keeps_its_channels():
    pair = torch.tensor([[0, 51], [255, 102]], dtype=torch.uint8).reshape(2, 2, 1, 1)
    assert Stacked(2).channels == 2
    assert Stacked(2)(pair)[:, :, 0, 0].tolist() == [pytest.approx([0.0, 0.2]), pytest.approx([1.0, 0.4])]
    assert Stacked(2, channels=3)(pair)[0].flatten().tolist() == pytest.approx([0.0, 0.2, 0.0])
    with pytest.raises(UsageError, match="view stacked: channels=1 leaves some of 2 out; give 2 or more"):
        Stacked(2, channels=1)


def test_each_scan_of_a_stack_is_seen_in_every_window():
    scans = torch.tensor([[0, 80]], dtype=torch.int16).reshape(1, 2, 1, 1)
    view = Windows(2, windows=((40.0, 80.0), (80.0, 200.0)))
    assert view.channels == 4
    assert view(scans).flatten().tolist() == pytest.approx([0.0, 0.1, 1.0, 0.5])


def test_windows_want_a_width():
    with pytest.raises(UsageError, match="a width above 0"):
        Windows(1, windows=((40.0, 0.0),))
