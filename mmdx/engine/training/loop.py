"""The loop, on Accelerate: from a laptop's CPU to many processes, resumable bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdx.batch import Batch
from mmdx.data.loading.sampler import SliceBudgetSampler
from mmdx.engine.assembly.finals import Keeper, final_of
from mmdx.engine.assembly.loader import Share, build_loader
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import SavedModel, load_description, write_weights
from mmdx.engine.passing import passing
from mmdx.engine.processes import hand_back_memory
from mmdx.engine.runs.log import drop_log_after
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.encoded import encode_once
from mmdx.engine.scoring.score import counted, score_rows
from mmdx.engine.training.objective import Objective, objective
from mmdx.engine.training.optimizer import make_optimizer, set_rates, stand_still
from mmdx.engine.training.selection import load_selections
from mmdx.engine.training.start import load_start
from mmdx.engine.training.state import Progress, load_state, save_state
from mmdx.engine.training.tracking import Pace, log_epoch, log_step
from mmdx.errors import DataError, UsageError
from mmdx.stats.metrics.evaluate import Judgement, judge


@contextmanager
def one_training(accelerator: Accelerator) -> Iterator[None]:
    """Around a training: afterwards the accelerator holds nothing of it, so that a command can train again with it."""
    scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else None
    yield
    accelerator.free_memory()
    if accelerator.scaler is not None and scaler is not None:
        accelerator.scaler.load_state_dict(scaler)


@dataclass
class Training:
    """Everything that one training holds while it runs.

    `network` is the model of `saved`, prepared for the processes that train it; `progress` moves on with each step.
    `keeper` says which weights stay. `epochs` is how many are trained; the learning rate falls as if all of the config
    were. A `brief` one prints no line per epoch.
    """

    setting: Setting
    saved: SavedModel
    network: nn.Module
    optimizer: torch.optim.Optimizer
    loader: DataLoader
    sampler: SliceBudgetSampler
    progress: Progress
    objective: Objective
    keeper: Keeper
    epochs: int
    brief: bool = False


def set_up(setting: Setting, *, resume: bool, objective: Objective = objective, epochs: int | None = None) -> Training:
    """Model, optimizer and loader of a run, new or resumed, that the main process has described (`Plan.write`).

    `epochs` ends the training early (None: all of the config). Raises `UsageError` or `DataError` where the description
    is missing or broken.
    """
    config, run, accelerator = setting.config, setting.run, setting.accelerator
    set_seed(config.seed)
    accelerator.wait_for_everyone()  # for the main process to write the description
    # Every process starts from the files, so that none can hold another vocabulary.
    _, described, tokenizers = load_description(run.best)
    torch.manual_seed(config.seed)
    model, facts = build_model(config, described.unbuilt())
    load_selections(run.selections, model)
    load_start(run.start, model)
    network, optimizer = accelerator.prepare(model, make_optimizer(model, config.train))
    saved = encode_once(SavedModel(model, config, facts, tokenizers), setting)
    rows, share = setting.splits.rows("train"), Share.of(accelerator)
    loader, sampler = build_loader(saved.recipe, setting.store, rows, shuffle=True, share=share)
    progress, keeper = Progress(processes=accelerator.num_processes), final_of(config).keeper()
    if resume and run.last.is_file():
        progress, scaler = load_state(run.last, model, optimizer, keeper)
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(scaler)
        progress = _on_processes(progress, setting)
    length = config.train.epochs if epochs is None else epochs
    return Training(setting, saved, network, optimizer, loader, sampler, progress, objective, keeper, length)


def _on_processes(progress: Progress, setting: Setting) -> Progress:
    """The progress of a state, to go on with on the processes that there are now. Raises `UsageError` where these are
    not as many as before and an epoch is dealt out to those."""
    before, now = progress.processes, setting.accelerator.num_processes
    if before not in (None, now) and not progress.finished:
        run, those = setting.run.folder, f"{before} process{'es' * (before != 1)}"
        if progress.batch:
            start = f"torchrun --nproc_per_node {before} train.py" if before != 1 else "mmdx train"
            raise UsageError(
                f"--resume: {run} was stopped in epoch {progress.epoch + 1}, whose batches are dealt to {those}, not "
                f"{now}; start as many as before ({start}), or train anew"
            )
        setting.say(
            f"{run}: begun on {those}, goes on with {now}; each takes a batch a step, so that steps, and the weights "
            f"in the end, are not those of {before}"
        )
    return replace(progress, processes=now)


def fit(training: Training) -> None:
    """Trains to the last epoch or the early stop. Raises `DataError` on a loss that is not finite, before a step."""
    setting, epochs = training.setting, training.epochs
    if setting.is_main:
        drop_log_after(setting.run.log, training.progress.step, training.progress.epoch)
    while training.progress.epoch < epochs and not training.progress.finished:
        begin, before = time.perf_counter(), training.progress.batch
        losses = list(_counted(training, train_epoch(training)))
        trained, (amount, unit) = time.perf_counter(), training.sampler.amount(slice(before, None))
        with kept_weights(training):
            judgement = validate(training)
            _end_epoch(training, judgement)
        if setting.is_main:
            # Before the state: a training that is killed between the two does the epoch again, and logs it again.
            pace = Pace(time.perf_counter() - begin, trained - begin, amount, unit)
            line = log_epoch(setting, training.progress, losses, judgement, pace)
            setting.say(*([] if training.brief else [line]))
        _save_last(training)
        hand_back_memory()


def _counted(training: Training, losses: Iterator[float]) -> Iterator[float]:
    """The losses of the steps of an epoch; whoever waits is told at each how much of the epoch is done."""
    sampler, what = training.sampler, f"epoch {training.progress.epoch + 1} of {training.epochs}"
    sampler.set_epoch(training.progress.epoch, skip=training.progress.batch)
    (total, unit), before = sampler.amount(), training.progress.batch
    done = sampler.amount(slice(before))[0]
    training.setting.count(what, done, total, unit)
    for loss in losses:
        done += sampler.amount(slice(before, training.progress.batch))[0]
        before = training.progress.batch
        training.setting.count(f"{what}, loss {loss:.3f}", done, total, unit)
        yield loss


def train_epoch(training: Training) -> Iterator[float]:
    """The optimizer steps that are left of the present epoch; yields the loss of each."""
    setting, config = training.setting, training.setting.config.train
    training.network.train()
    training.sampler.set_epoch(training.progress.epoch, skip=training.progress.batch)
    batches = iter(training.loader)
    while group := list(islice(batches, config.accumulate)):
        progress = training.progress
        # The draws of a step depend on its number alone, so that a resumed run draws what the killed one would have.
        torch.manual_seed(_step_seed(setting.config.seed, progress.step, setting.accelerator.process_index))
        middle = (progress.batch + len(group) / 2) / len(training.sampler)
        done, model = (progress.epoch + middle) / config.epochs, training.saved.model
        rate = set_rates(training.optimizer, model, config, done, wrapped=training.network is not model)
        model.done = done
        parts = [_backward(training, batch, len(group), last=batch is group[-1]) for batch in group]
        stand_still(training.optimizer)
        _clip(training, group)
        training.optimizer.step()
        training.optimizer.zero_grad()
        after = (progress.epoch + (progress.batch + len(group)) / len(training.sampler)) / training.epochs
        training.keeper.step(training.saved.model, after)
        training.progress = replace(progress, batch=progress.batch + len(group), step=progress.step + 1)
        losses = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
        if setting.is_main:
            log_step(setting, training.progress, rate, losses)
        if config.checkpoint_steps and training.progress.step % config.checkpoint_steps == 0:
            _save_last(training)
        yield losses["loss"]


def _backward(training: Training, batch: Batch, count: int, *, last: bool) -> dict[str, float]:
    """The losses of one of the `count` batches of a step, whose gradients are added to those that are there."""
    accelerator, progress = training.setting.accelerator, training.progress
    batch = batch.to(accelerator.device)
    where = f"epoch {progress.epoch + 1}, step {progress.step + 1}"
    # Gradients meet between processes once a step: at its last batch.
    with passing(where, batch.study_ids), nullcontext() if last else accelerator.no_sync(training.network):
        with accelerator.autocast():
            output = training.network(batch)
        losses = training.objective(training.saved.model, output, batch)
        parts = dict(zip(losses, torch.stack(list(losses.values())).detach().tolist(), strict=True))
        if not math.isfinite(parts["loss"]):
            raise _not_finite(training, [batch], f"loss is {parts['loss']}")
        accelerator.backward(losses["loss"] / count)
    return parts


def _clip(training: Training, group: list[Batch]) -> None:
    """Bounds the gradient norm. A norm that is not finite is refused; under fp16 the loss scaler deals with it."""
    clip, accelerator = training.setting.config.train.clip, training.setting.accelerator
    norm = accelerator.clip_grad_norm_(training.network.parameters(), clip if clip else math.inf)
    if accelerator.scaler is None and isinstance(norm, Tensor) and not torch.isfinite(norm):
        raise _not_finite(training, group, f"gradient norm is {float(norm)}")


def _not_finite(training: Training, group: list[Batch], what: str) -> DataError:
    studies = ", ".join(study for batch in group for study in batch.study_ids)
    return DataError(
        f"epoch {training.progress.epoch + 1}, step {training.progress.step + 1}: {what}, and nothing was stepped; "
        f"look at the studies of this batch ({studies}), or lower train.lr"
    )


@contextmanager
def kept_weights(training: Training) -> Iterator[None]:
    """The model with the weights that would stay if the training ended now; afterwards it has its own again."""
    model = training.saved.model
    kept = training.keeper.weights(model)
    if kept is None:
        yield
        return
    own = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    try:
        yield
    finally:
        model.load_state_dict(own)


def validate(training: Training) -> Judgement | None:
    """What validation studies, or slices, say of the weights that would stay, everything shown; None without any."""
    setting = training.setting
    rows, shown = setting.splits.rows("val"), list(setting.config.model.inputs)
    if not rows:
        return None
    also = counted(setting, f"validation after epoch {training.progress.epoch + 1}", rows)
    studies, slices = score_rows(training.saved, setting.store, rows, shown, setting.accelerator, also=also)
    frame = slices if setting.config.train.judge == "slices" else studies
    return judge(frame, by=final_of(setting.config).by, primary=setting.config.data.primary)


def _end_epoch(training: Training, judgement: Judgement | None) -> None:
    """Goes on to the next epoch; the weights that stay are written, where one is judged best those of the best."""
    setting, progress = training.setting, training.progress
    epoch, patience, judged = progress.epoch, setting.config.train.patience, training.keeper.judged
    score = judgement.score if judgement is not None else None
    better = score is not None and (progress.best is None or math.isnan(progress.best) or score > progress.best)
    if judged and better:
        progress = replace(progress, best=score, best_epoch=epoch)
    if (better or not judged) and setting.is_main:
        write_weights(setting.run.best, training.saved.model)
    stop = judged and bool(patience) and epoch - progress.best_epoch >= patience
    last = epoch + 1 >= training.epochs
    training.progress = replace(progress, epoch=epoch + 1, batch=0, finished=stop or last)


def _save_last(training: Training) -> None:
    accelerator = training.setting.accelerator
    if accelerator.is_main_process:
        scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else {}
        model, run, kept = training.saved.model, training.setting.run, training.keeper.state()
        save_state(run.last, model, training.optimizer, training.progress, scaler, kept)
    accelerator.wait_for_everyone()


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
