"""Several processes of one launch, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accelerate import Accelerator, PartialState

from mmdx.errors import MmdxError


@contextmanager
def main_first(processes: Accelerator | PartialState) -> Iterator[None]:
    """The main process goes first, then all others together.

    Accelerate's own leaves the others waiting for a main process that has failed. What it refuses is refused by them
    too, in one line each.
    """
    if not processes.is_main_process:
        processes.wait_for_everyone()
    try:
        yield
    except MmdxError:
        if processes.is_main_process:
            processes.wait_for_everyone()
        raise
    if processes.is_main_process:
        processes.wait_for_everyone()
