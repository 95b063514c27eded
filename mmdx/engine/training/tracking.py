"""What a training tells while it runs: the lines of `log.jsonl`, TensorBoard, and a line in the console per epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator

from mmdx.engine.runs.log import append_log
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.state import Progress
from mmdx.stats.metrics.evaluate import Judgement
from mmdx.stats.metrics.registry import PRIMARY


@contextmanager
def tracked(accelerator: Accelerator, folder: Path) -> Iterator[None]:
    """TensorBoard files of one training go to `folder`; afterwards nothing of that training is left in the accelerator,
    so that a command can train again with it."""
    scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else None
    accelerator.project_configuration.logging_dir = str(folder)
    accelerator.init_trackers("tensorboard")
    yield
    for tracker in accelerator.trackers:
        tracker.finish()
    accelerator.trackers = []
    accelerator.free_memory()
    if accelerator.scaler is not None and scaler is not None:
        accelerator.scaler.load_state_dict(scaler)


def log_step(setting: Setting, progress: Progress, rate: float, losses: Mapping[str, float]) -> None:
    """Logs an optimizer step, the last of `progress`, with its learning rate and losses by name."""
    append_log(setting.run.log, {"step": progress.step, "epoch": progress.epoch + 1, "lr": rate, **losses})
    setting.accelerator.log({f"train/{k}": v for k, v in losses.items()} | {"lr": rate}, step=progress.step)


def log_epoch(
    setting: Setting, progress: Progress, losses: Sequence[float], judgement: Judgement | None, seconds: float
) -> str:
    """Logs an epoch, the last that is done in `progress`: the losses of its steps and what validation says; returns the
    line that the console shows.

    An epoch without steps was resumed after its last one. Without validation studies there is no judgement.
    """
    entry: dict[str, Any] = {"step": progress.step, "epoch": progress.epoch, "seconds": round(seconds, 2)}
    values = {} if judgement is None else {PRIMARY.name: judgement.auroc, "log_loss": judgement.log_loss}
    entry |= {f"val_{name}": value for name, value in values.items()}
    append_log(setting.run.log, entry | ({} if judgement is None else {"judged_by": judgement.by}))
    setting.accelerator.log({f"val/{name}": value for name, value in values.items()}, step=progress.step)
    best = " best" if progress.best_epoch == progress.epoch - 1 else ""
    # What it is best by stands beside it: the loss may fall while the AUROC does as well.
    judged = best
    if judgement is not None and judgement.by == "log_loss" and progress.best is not None:
        judged = f", log loss {judgement.log_loss:.3f}{best}"
    loss = f"loss {np.mean(losses):.3f}" if losses else "resumed"
    score = "" if judgement is None else f"  val {PRIMARY.title} {judgement.auroc:.3f}{judged}"
    return f"epoch {progress.epoch:3d}  {loss}{score}  {seconds:.1f} s"
