"""What a library raises inside a model is a line that names the studies."""

from __future__ import annotations

import pytest
import torch

from mmdx.engine.passing import passing
from mmdx.errors import DataError, UsageError


def test_what_a_layer_refuses_names_the_studies():
    layer = torch.nn.Conv2d(1, 1, 5)
    with pytest.raises(DataError) as refused, passing("epoch 1, step 2", ["a", "b"]):
        layer(torch.zeros(2, 1, 3, 3))
    assert str(refused.value).startswith("epoch 1, step 2: the model cannot be run on a, b: Calculated padded input")
    assert isinstance(refused.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_lack_of_memory_is_called_that(error: Exception):
    with (
        pytest.raises(DataError, match=r"scoring: not enough memory for 1 studies at once \(a\).*train.slices"),
        passing("scoring", ["a"]),
    ):
        raise error


def test_what_is_a_line_already_stays():
    with pytest.raises(UsageError, match=r"^mine$"), passing("scoring", ["a"]):
        raise UsageError("mine")
