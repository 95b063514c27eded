"""The processes of one launch: how they start, and how they take turns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import torch
from accelerate import Accelerator, PartialState

from mmdx.errors import MmdxError

LAUNCHED_SHORT = (
    "one process: accelerate launch --cpu starts no more, whatever --num_processes says; for several on a CPU: "
    "torchrun --nproc_per_node N train.py"
)


def make_accelerator(precision: str = "no") -> Accelerator:
    """The processes that were started, on their devices; several on a machine without an accelerator meet over gloo."""
    no_device = not torch.accelerator.is_available()
    accelerator = Accelerator(mixed_precision=precision, log_with="tensorboard", project_dir="runs", cpu=no_device)
    # accelerate launch holds a lone CPU process to one thread; mmdx train has all that the machine gives it.
    if accelerator.device.type == "cpu" and accelerator.num_processes == 1 and "ACCELERATE_USE_CPU" in os.environ:
        torch.set_num_threads(joblib.cpu_count())
    return accelerator


def launched_short(accelerator: Accelerator) -> bool:
    """Whether `accelerate launch` was asked for several CPU processes and started one.

    Then it says where they would meet (`MASTER_PORT`), and there is nobody to meet. `LAUNCHED_SHORT` tells the user.
    """
    several = {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= os.environ.keys()
    return several and accelerator.device.type == "cpu" and accelerator.num_processes == 1


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
