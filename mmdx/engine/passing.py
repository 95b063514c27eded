"""Batches on their way through a model: what a library raises there becomes a line that names the studies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from mmdx.errors import DataError, reason, some

_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
_MOST_NAMED = 8


@contextmanager
def passing(where: str, studies: Sequence[str]) -> Iterator[None]:
    """Within it, a model runs on a batch of these `studies`; `where` begins the line about what goes wrong.

    Raises `DataError` for lack of memory, and for whatever a layer refuses, such as images too small for its strides.
    """
    try:
        yield
    except (MemoryError, RuntimeError, ValueError, IndexError) as error:
        named = some(list(studies), most=_MOST_NAMED)
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(w in str(error) for w in _NO_MEMORY):
            raise DataError(
                f"{where}: not enough memory for {len(studies)} studies at once ({named}); free some, or let fewer "
                "images into a batch (train.slices)"
            ) from error
        raise DataError(
            f"{where}: the model cannot be run on {named}: {reason(error)}; look at these studies, or at the part of "
            "the model that refuses them"
        ) from error
