"""The processes of one launch: how they start, what of the machine they take, and how they take turns."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import psutil
import torch
from accelerate import Accelerator, PartialState

from mmdx.errors import MmdxError

LAUNCHED_SHORT = (
    "one process: accelerate launch --cpu starts no more, whatever --num_processes says; for several on a CPU: "
    "torchrun --nproc_per_node N train.py"
)


THREADS = "OMP_NUM_THREADS"
"""The variable by which a user, or a launcher, says how many threads a process computes with."""
KEPT_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
"""Variables by which a user says himself what glibc keeps of freed memory."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt, from malloc.h
_NEVER = -1


def make_accelerator(precision: str = "no") -> Accelerator:
    """The processes that were started, on their devices; several on a machine without an accelerator meet over gloo."""
    no_device = not torch.accelerator.is_available()
    accelerator = Accelerator(mixed_precision=precision, cpu=no_device)
    if accelerator.device.type == "cpu":
        ready_cpu(accelerator.num_processes)
    return accelerator


def ready_cpu(processes: int = 1) -> None:
    """Makes a process that computes on a CPU, one of `processes`, ready for it: its threads and its memory.

    A lone process has all cores that it may use, but no more threads than torch was told to have; one of several has
    what its launcher gave it, else one thread. A number that the user set stays (`threads_of_user`).
    """
    keep_memory()
    if processes > 1:
        if THREADS not in os.environ:
            torch.set_num_threads(1)
    elif threads_of_user() is None:
        # torch counts the cores of the machine, and not those that a container leaves it.
        cores = joblib.cpu_count()
        torch.set_num_threads(cores if THREADS in os.environ else min(cores, torch.get_num_threads()))


def threads_of_user() -> int | None:
    """The `OMP_NUM_THREADS` of a lone process, None where nobody set it.

    `accelerate launch` always sets it, to 1 or to the number of cores: that counts only where its own environment or
    its command line says it.
    """
    number = os.environ.get(THREADS, "").partition(",")[0]
    if not number.isdigit() or ("ACCELERATE_USE_CPU" in os.environ and _set_by_accelerate()):
        return None
    return int(number)


def _set_by_accelerate() -> bool:
    """Whether this process was started by an `accelerate launch` that was not told a number of threads."""
    try:
        launcher = psutil.Process().parent()
        if launcher is None:
            return False
        words = launcher.cmdline()
        launched = any(Path(word).name.startswith("accelerate") for word in words[:4])
        return launched and not (
            THREADS in launcher.environ()
            or any(word.replace("-", "_").startswith("__num_cpu_threads_per_process") for word in words)
        )
    except psutil.Error:
        return False


def keep_memory() -> bool:
    """Lets glibc keep freed memory for the tensors that come next; whether it does.

    By itself it hands back every large tensor to the system, which clears its pages anew for the next one: at 224
    pixels this takes longer than computing. Nothing is done under another allocator's library, or where the user says
    what is kept (`KEPT_BY_USER`, or `glibc.malloc` in `GLIBC_TUNABLES`). It holds until the process ends, and in
    processes that are forked from it.
    """
    by_user = any(name in os.environ for name in KEPT_BY_USER) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if by_user or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    # Some versions take no threshold above 32 MiB; then no tensor is mapped by itself, however large it is.
    mapped_never = libc.mallopt(_MMAP_THRESHOLD, _NEVER) or libc.mallopt(_MMAP_MAX, 0)
    return bool(mapped_never and libc.mallopt(_TRIM_THRESHOLD, _NEVER))


def hand_back_memory() -> None:
    """Gives the system what glibc keeps free at this moment, as at the end of an epoch.

    Batches of changing size leave holes between the tensors that stay; kept for good, these pile up to several times
    what a training needs. Where there is no glibc, nothing is kept.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


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
