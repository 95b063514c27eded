"""The loop, on Accelerate: from a laptop's CPU to many processes, resumable bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdx.batch import Batch
from mmdx.data.loading.sampler import SliceBudgetSampler
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.facts import ModelFacts, facts_of
from mmdx.engine.assembly.loader import Share, build_loader
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import SavedModel, copy_first, load_description, write_description, write_weights
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.runs.log import append_log, drop_log_after
from mmdx.engine.scoring.score import score_rows
from mmdx.engine.training.objective import Objective, objective
from mmdx.engine.training.selection import fit_selections, load_selections, write_selections
from mmdx.engine.training.state import Progress, load_state, save_state
from mmdx.errors import DataError
from mmdx.files import RunLayout
from mmdx.models.model import trainable
from mmdx.schema import Config, TrainConfig
from mmdx.stats.metrics.evaluate import evaluate
from mmdx.stats.metrics.registry import PRIMARY


@dataclass
class Training:
    """Everything that one training holds while it runs."""

    config: Config
    run: RunLayout
    store: Store
    splits: Splits
    saved: SavedModel
    accelerator: Accelerator
    network: nn.Module
    optimizer: torch.optim.Optimizer
    loader: DataLoader
    sampler: SliceBudgetSampler
    progress: Progress
    objective: Objective


def set_up(
    config: Config,
    run: RunLayout,
    store: Store,
    splits: Splits,
    accelerator: Accelerator,
    *,
    resume: bool,
    objective: Objective = objective,
) -> Training:
    """Model, optimizer and loader of a run, new or resumed, that the main process has described (`Plan.write`).

    Raises `UsageError` or `DataError` where that description is missing or broken.
    """
    set_seed(config.seed)
    accelerator.wait_for_everyone()  # for the main process to write the description
    # Every process starts from the files, so that none can hold another vocabulary.
    _, described, tokenizers = load_description(run.best)
    torch.manual_seed(config.seed)
    model, facts = build_model(config, described.unbuilt())
    load_selections(run.selections, model)
    saved = SavedModel(model, config, facts, tokenizers)
    share = Share.of(accelerator)
    loader, sampler = build_loader(saved.recipe, store, splits.rows("train"), shuffle=True, share=share)
    network, optimizer = accelerator.prepare(model, make_optimizer(model, config.train))
    progress = Progress()
    if resume and run.last.is_file():
        progress, scaler = load_state(run.last, model, optimizer)
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(scaler)
    return Training(
        config, run, store, splits, saved, accelerator, network, optimizer, loader, sampler, progress, objective
    )


@dataclass(frozen=True)
class Plan:
    """What describes the model of a new run."""

    facts: ModelFacts
    tokenizers: dict[str, ReportTokenizer]
    selections: dict[str, Tensor]

    def write(self, run: RunLayout, config: Config, store: Store) -> None:
        """Into the run folder, with the model that left the descriptors of the store, where one did."""
        write_selections(run.selections, self.selections)
        copy_first(store, run.best, self.facts)
        write_description(run.best, config, self.facts, self.tokenizers)


def plan(config: Config, store: Store, splits: Splits) -> Plan:
    """The plan of a new run. Raises `UsageError` where its model cannot be built.

    The model that is built for it is dropped: `set_up` builds the one that is trained on every process, from the files
    of the plan and with the seed of the config, so that what stood before it draws none of its weights.
    """
    rows = splits.rows("train")
    tokenizers = build_tokenizers(config, store, rows)
    facts, selections = fit_selections(config, store, rows, facts_of(config, store, tokenizers, rows))
    _, facts = build_model(config, facts)
    return Plan(facts, tokenizers, selections)


def fit(training: Training, console: Console) -> None:
    """Trains to the last epoch or the early stop. Raises `DataError` on a loss that is not finite, before a step."""
    train, accelerator = training.config.train, training.accelerator
    main = accelerator.is_main_process
    if main:
        drop_log_after(training.run.log, training.progress.step)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not main, transient=True) as bar:
        task = bar.add_task("training", total=train.epochs)
        while training.progress.epoch < train.epochs and not training.progress.finished:
            epoch, started = training.progress.epoch, time.perf_counter()
            losses = []
            for loss in train_epoch(training):
                losses.append(loss)
                done = epoch + training.progress.batch / len(training.sampler)
                bar.update(task, completed=done, description=f"epoch {epoch + 1} loss {loss:.3f}")
            score = validate(training)
            _end_epoch(training, epoch, score)
            seconds = time.perf_counter() - started
            if main:
                _report(training, epoch, losses, score, seconds, console)


def train_epoch(training: Training) -> Iterator[float]:
    """The optimizer steps that are left of the present epoch; yields the loss of each."""
    config, accelerator = training.config.train, training.accelerator
    training.network.train()
    training.sampler.set_epoch(training.progress.epoch, skip=training.progress.batch)
    batches = iter(training.loader)
    while group := list(islice(batches, config.accumulate)):
        # The draws of a step depend on its number alone, so that a resumed run draws what the killed one would have.
        torch.manual_seed(_step_seed(training.config.seed, training.progress.step, accelerator.process_index))
        middle = (training.progress.batch + len(group) / 2) / len(training.sampler)
        rate = learning_rate(config, (training.progress.epoch + middle) / config.epochs)
        for parameters in training.optimizer.param_groups:
            parameters["lr"] = rate
        parts = [_backward(training, batch, len(group), last=batch is group[-1]) for batch in group]
        _clip(training, group)
        training.optimizer.step()
        training.optimizer.zero_grad()
        progress = training.progress
        training.progress = replace(progress, batch=progress.batch + len(group), step=progress.step + 1)
        mean = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
        if accelerator.is_main_process:
            entry = {"step": training.progress.step, "epoch": progress.epoch + 1, "lr": rate, **mean}
            append_log(training.run.log, entry)
            accelerator.log({f"train/{k}": v for k, v in mean.items()} | {"lr": rate}, step=training.progress.step)
        if config.checkpoint_steps and training.progress.step % config.checkpoint_steps == 0:
            _save_last(training)
        yield mean["loss"]


def _backward(training: Training, batch: Batch, count: int, *, last: bool) -> dict[str, float]:
    accelerator = training.accelerator
    here = batch.to(accelerator.device)
    # Gradients meet between processes once a step: at its last batch.
    with nullcontext() if last else accelerator.no_sync(training.network):
        with accelerator.autocast():
            output = training.network(here)
        losses = training.objective(training.saved.model, output, here)
        parts = dict(zip(losses, torch.stack(list(losses.values())).detach().tolist(), strict=True))
        if not math.isfinite(parts["loss"]):
            raise _not_finite(training, [batch], f"loss is {parts['loss']}")
        accelerator.backward(losses["loss"] / count)
    return parts


def _clip(training: Training, group: list[Batch]) -> None:
    """Bounds the gradient norm. A norm that is not finite is refused; under fp16 the loss scaler deals with it."""
    clip, accelerator = training.config.train.clip, training.accelerator
    norm = accelerator.clip_grad_norm_(training.network.parameters(), clip if clip else math.inf)
    if accelerator.scaler is None and isinstance(norm, Tensor) and not torch.isfinite(norm):
        raise _not_finite(training, group, f"gradient norm is {float(norm)}")


def _not_finite(training: Training, group: list[Batch], what: str) -> DataError:
    studies = ", ".join(study for batch in group for study in batch.study_ids)
    return DataError(
        f"epoch {training.progress.epoch + 1}, step {training.progress.step + 1}: {what}, and nothing was stepped; "
        f"look at the studies of this batch ({studies}), or lower train.lr"
    )


def validate(training: Training) -> float:
    """The primary metric of validation studies, or slices, everything shown: the mean over findings."""
    rows = training.splits.rows("val")
    studies, slices = score_rows(
        training.saved, training.store, rows, list(training.config.model.inputs), training.accelerator
    )
    table = slices if training.config.train.judge == "slices" else studies
    return evaluate(table)


def _end_epoch(training: Training, epoch: int, score: float) -> None:
    progress, patience = training.progress, training.config.train.patience
    if progress.best is None or score > progress.best:
        progress = replace(progress, best=score, best_epoch=epoch)
        if training.accelerator.is_main_process:
            write_weights(training.run.best, training.saved.model)
    stop = bool(patience) and epoch - progress.best_epoch >= patience
    last = epoch + 1 >= training.config.train.epochs
    training.progress = replace(progress, epoch=epoch + 1, batch=0, finished=stop or last)
    _save_last(training)


def _save_last(training: Training) -> None:
    accelerator = training.accelerator
    if accelerator.is_main_process:
        scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else {}
        save_state(training.run.last, training.saved.model, training.optimizer, training.progress, scaler)
    accelerator.wait_for_everyone()


def _report(
    training: Training, epoch: int, losses: list[float], score: float, seconds: float, console: Console
) -> None:
    progress = training.progress
    entry = {"step": progress.step, "epoch": epoch + 1, f"val_{PRIMARY.name}": score, "seconds": round(seconds, 2)}
    append_log(training.run.log, entry)
    training.accelerator.log({"val/auroc": score}, step=progress.step)
    best = " best" if progress.best_epoch == epoch else ""
    loss = f"loss {np.mean(losses):.3f}" if losses else "resumed"
    console.print(
        f"epoch {epoch + 1:3d}  {loss}  val {PRIMARY.title} {score:.3f}{best}  {seconds:.1f} s", highlight=False
    )


def make_optimizer(model: nn.Module, train: TrainConfig) -> torch.optim.Optimizer:
    """AdamW in one pass over the weights; no decay on biases, norms and stand-ins (anything of one dimension)."""
    parameters = trainable(model)
    decayed = [p for _, p in parameters if p.dim() > 1]
    plain = [p for _, p in parameters if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": train.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=train.lr, fused=True)


def learning_rate(train: TrainConfig, done: float) -> float:
    """The rate when the share `done` of all epochs is over: a linear climb over the warm-up, then a cosine to 0."""
    if done < train.warmup:
        return train.lr * done / train.warmup
    return train.lr * 0.5 * (1 + math.cos(math.pi * (done - train.warmup) / (1 - train.warmup)))


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
