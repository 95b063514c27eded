"""Windows over long reports: where they begin, and that nothing of a report is lost between them."""

from __future__ import annotations

import pytest
import torch

from mmdx.models.packing import item_mask, pad
from mmdx.models.text.windows import Windows


def test_windows_overlap_by_a_quarter_and_hold_each_token():
    mask = item_mask(torch.tensor([10, 3, 0]))
    ids = pad(torch.arange(100, 113), mask)
    windows = Windows.over(mask, 4)
    rows = [row[real].tolist() for row, real in zip(windows.cut(ids), windows.mask, strict=True)]
    assert rows == [[100, 101, 102, 103], [103, 104, 105, 106], [106, 107, 108, 109], [110, 111, 112], []]


def test_what_is_read_twice_is_averaged():
    mask = item_mask(torch.tensor([6, 2]))
    windows = Windows.over(mask, 4)
    # The tokens of window w are read as w; token 3 stands in windows 0 and 1, the second report in window 2.
    read = torch.arange(3.0)[:, None, None].expand(3, 4, 1)
    joined = windows.join(read, mask).squeeze(-1)
    assert joined.tolist() == [[0, 0, 0, 0.5, 1, 1], [2, 2, 0, 0, 0, 0]]


@pytest.mark.parametrize("size", [5, 6, 50])
def test_a_report_no_longer_than_a_window_is_one(size):
    mask = item_mask(torch.tensor([5, 4]))
    windows = Windows.over(mask, size)
    assert windows.mask.tolist() == mask.tolist()
    items = torch.rand(2, 5, 3) * mask.unsqueeze(-1)
    assert torch.equal(windows.join(items, mask), items)


def test_windows_do_not_depend_on_the_batch():
    alone, beside = torch.tensor([9]), torch.tensor([9, 40])
    first = Windows.over(item_mask(alone), 8).mask
    assert Windows.over(item_mask(beside), 8).mask[: len(first)].sum(dim=1).tolist() == first.sum(dim=1).tolist()
