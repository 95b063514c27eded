"""What a training tells while it runs: the lines of `log.jsonl`, its trackers, and a line in the console per epoch."""

from __future__ import annotations

import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmdx.data.loading.sampler import Unit
from mmdx.engine.runs.log import append_log
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.state import Progress
from mmdx.stats.metrics.evaluate import Judgement
from mmdx.stats.metrics.registry import PRIMARY


@dataclass(frozen=True)
class Pace:
    """What an epoch cost: its `seconds` with validation, and the `amount` of images (or studies, as `unit` says) that
    all processes trained on in `training` seconds of them."""

    seconds: float
    training: float
    amount: int
    unit: Unit

    @property
    def rate(self) -> float:
        """How many images, or studies, a second of training took; 0 where none was trained on."""
        return self.amount / self.training if self.training > 0 else 0.0


def log_step(setting: Setting, progress: Progress, rate: float, losses: Mapping[str, float]) -> None:
    """Logs an optimizer step, the last of `progress`, with its learning rate and losses by name."""
    append_log(setting.run.log, {"step": progress.step, "epoch": progress.epoch + 1, "lr": rate, **losses})
    setting.accelerator.log({f"train/{k}": v for k, v in losses.items()} | {"lr": rate}, step=progress.step)


def log_epoch(
    setting: Setting, progress: Progress, losses: Sequence[float], judgement: Judgement | None, pace: Pace
) -> str:
    """Logs an epoch, the last that is done in `progress`: the losses of its steps and what validation says; returns the
    line that the console shows: with the seconds of the epoch, images (or studies) a second, and the memory.

    An epoch without steps was resumed after its last one. Without validation studies there is no judgement.
    """
    memory = peak_memory(setting.accelerator.device)
    cost = {f"{pace.unit}_per_second": round(pace.rate, 2), "peak_memory_gb": round(memory, 3)}
    entry: dict[str, Any] = {"step": progress.step, "epoch": progress.epoch, "seconds": round(pace.seconds, 2)}
    values = {} if judgement is None else {PRIMARY.name: judgement.auroc, "log_loss": judgement.log_loss}
    entry |= {f"val_{name}": value for name, value in values.items()}
    append_log(setting.run.log, entry | ({} if judgement is None else {"judged_by": judgement.by}) | cost)
    told = {f"val/{name}": value for name, value in values.items()} | {f"epoch/{name}": v for name, v in cost.items()}
    setting.accelerator.log(told | {"epoch/number": progress.epoch}, step=progress.step)
    best = " best" if progress.best_epoch == progress.epoch - 1 else ""
    # What it is best by stands beside it: the loss may fall while the AUROC does as well.
    judged = best
    if judgement is not None and judgement.by == "log_loss" and progress.best is not None:
        judged = f", log loss {judgement.log_loss:.3f}{best}"
    loss = f"loss {np.mean(losses):.3f}" if losses else "resumed"
    score = "" if judgement is None else f"  val {PRIMARY.title} {judgement.auroc:.3f}{judged}"
    rate = f", {short(pace.rate)}/s" if losses else ""
    return f"epoch {progress.epoch:2d}  {loss}{score}  {short(pace.seconds)} s{rate}, {memory:.1f} GB"


def short(value: float) -> str:
    """A number of seconds, or of images a second, with a decimal below ten alone."""
    return f"{value:.{0 if value >= 10 else 1}f}"


def peak_memory(device: torch.device) -> float:
    """The most memory in use so far, in GB (10^9 bytes): of a CUDA device what torch has allocated there, else what
    this process has held of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if platform.system() == "Darwin" else 1024) / 1e9  # Linux counts in KiB
