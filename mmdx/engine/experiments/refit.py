"""`train.final=refit`: out-of-fold models show for how many epochs, then one model learns from all of their patients.

Small cohorts cannot spare patients for validation. Here the patients of training and validation are dealt into folds;
each fold is scored by a model that has not seen it. Those scores choose the number of epochs, calibrate the logits and
set thresholds (they are the run's `val.csv`); test studies choose nothing. Then the model that stays is trained on all
of these patients for as many epochs. With one fold, the split's own validation studies are it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmdx.data.splits.folds import make_folds
from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.finals import Refit, with_final
from mmdx.engine.assembly.saved import SavedModel, load_model, write_calibration
from mmdx.engine.runs.folder import is_model_folder
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.baselines.files import write_baselines
from mmdx.engine.scoring.calibrate import calibrate, rescale
from mmdx.engine.scoring.domain import Distances, held_out_distances, know_domain, vectors_of
from mmdx.engine.scoring.pool import pool_scores
from mmdx.engine.scoring.score import default_showings, score_split
from mmdx.engine.scoring.stacking.answers import Answers, pooled
from mmdx.engine.scoring.stacking.fit import held_out_answers, rescore, stack_up, stackable
from mmdx.engine.training.loop import fit, one_training, set_up
from mmdx.engine.training.plan import plan
from mmdx.engine.training.threads import choose_threads
from mmdx.engine.training.trackers import tracked
from mmdx.errors import DataError, reason
from mmdx.files import RunLayout, write_json
from mmdx.stats.metrics.registry import PRIMARY
from mmdx.strangers.bounded import parse_log_line, read_json, read_text
from mmdx.study import Split

SMOOTHED = 3
"""Epochs over which the log loss of an epoch is averaged before it is compared."""
WORTH = 0.02
"""By what share the best epoch must be better than the last for a training to be cut short."""
FEWEST = 3
"""Folds that may cut a training short."""


@dataclass(frozen=True)
class Length:
    """How many of `of` epochs the model that stays is trained for, by the out-of-fold log losses of each epoch."""

    epochs: int
    of: int
    log_losses: tuple[float, ...]

    def sentence(self) -> str:
        """What is said before the model that stays is trained."""
        return f"\nnow on the studies of training and validation: {self.epochs} of {self.of} epochs"


def begun_otherwise(run: RunLayout) -> bool:
    """Whether a training has begun here that was not to be refitted: its first models would lie below `crossfit`."""
    return run.last.is_file() and not (run.final.is_file() or (run.folder / "crossfit").is_dir())


@dataclass(frozen=True)
class HeldOut:
    """What models that left one fold out show: how long to train the one that stays, and, where a stack is to be
    fitted, what its members said of the studies that they had not seen; and how far from those of their training the
    images of such studies lay, by fold."""

    length: Length
    answers: Answers | None = None
    distances: tuple[Distances, ...] = ()


def cross_fit(setting: Setting, final: Refit, *, resume: bool) -> HeldOut:
    """Trains the models that leave one fold out, scores each fold by its own into the run's `val.csv`, and returns how
    long the model that stays is to be trained.

    They lie below `crossfit` in the run folder, and are trained once: what is done already is taken as it lies there.
    """
    if setting.run.final.is_file():
        return HeldOut(read_length(setting.run.final))
    folds = _settings(setting, final)
    several = len(folds) > 1
    for number, inside in enumerate(folds):
        begin = time.perf_counter()
        if not several:
            setting.say(f"\nout of fold: {inside.run.folder}")
        # The epochs of one model are worth a line each; those of several would bury what the run has to say.
        _train(inside, None, resume=resume, brief=several)
        if several:
            setting.say(f"out of fold, {number + 1} of {len(folds)}  {time.perf_counter() - begin:.1f} s")
    length = choose_length([inside.run.log for inside in folds], setting.config.train.epochs)
    setting.say(length.sentence())
    if length.epochs < length.of:
        folds = [replace(inside, run=RunLayout(inside.run.folder / f"epochs-{length.epochs}")) for inside in folds]
        for inside in folds:
            _train(inside, length.epochs, resume=resume, brief=True)
    everyone = [*setting.splits.rows("train"), *setting.splits.rows("val")]
    scored = [_score(inside, everyone) for inside in folds]
    answers = [part for part, _ in scored if part is not None]
    if setting.is_main:
        setting.say(*pool_scores([inside.run.predictions for inside in folds], setting.run.predictions, "val"))
    setting.accelerator.wait_for_everyone()
    return HeldOut(length, pooled(answers) if answers else None, tuple(distances for _, distances in scored))


def settle(setting: Setting, saved: SavedModel, held_out: HeldOut) -> None:
    """Fits the stack of the model that stays, and calibrates its heads, by what was said out of fold; the scores of the
    run's `val` files then are as it would give them.

    `final.json` then says how it was made; where that lies there already, nothing is left to do.
    """
    run, length = setting.run, held_out.length
    if setting.is_main and not run.final.is_file():
        calibrations = calibrate(saved, run.predictions, "val")
        if held_out.answers is not None:
            stack = stack_up(setting, saved, setting.splits.joined().rows("train"), held_out.answers)
            rescore(saved, stack, held_out.answers, run.predictions, "val")
            calibrations.pop(stack.head, None)  # a stack's answers mean what they say
        rescale(saved, run.predictions, "val", calibrations)
        write_calibration(run.best, calibrations, saved.facts)
        kept = load_model(run.best).to(setting.accelerator.device)
        everyone = setting.splits.joined().rows("train")
        know_domain(vectors_of(kept, setting.store, everyone, setting.count), held_out.distances, run.best)
        folds = len(list((run.folder / "crossfit").glob("fold-*")))
        content = {"epochs": length.epochs, "of": length.of, "folds": folds, "log_losses": list(length.log_losses)}
        write_json(run.final, content)
    setting.accelerator.wait_for_everyone()


def read_length(path: Path) -> Length:
    """What `settle` left. Raises `DataError` where it cannot be read."""
    try:
        raw = read_json(path, "start a new run")
        return Length(int(raw["epochs"]), int(raw["of"]), tuple(raw["log_losses"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); start a new run") from None


def choose_length(logs: Sequence[Path], epochs: int) -> Length:
    """The number of epochs with the least out-of-fold log loss, averaged over neighbours and folds; all of them unless
    fewer are better by `WORTH` and by a standard error over the folds, and rank no worse.

    Calibration sets right what a longer training says too surely, but nothing sets ranks right: so the macro AUROC has
    a veto. Fewer folds than `FEWEST` say too little. Raises `DataError` where an epoch of a fold was not judged.
    """
    losses, areas = (np.array([_judged(path, name, epochs) for path in logs]) for name in ("log_loss", PRIMARY.name))
    record = tuple(losses.mean(axis=0).round(6).tolist())
    if len(logs) < FEWEST or not np.isfinite(losses).all():
        return Length(epochs, epochs, record if np.isfinite(losses).all() else ())
    smooth, ranks = _smoothed(losses), _smoothed(areas)
    with warnings.catch_warnings():  # a fold whose patients have one class ranks nothing
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        ranking = np.nanmean(ranks, axis=0)
    mean = np.where(ranking >= ranking[-1], smooth.mean(axis=0), np.inf)
    best = int(np.argmin(mean)) if np.isfinite(mean).any() else epochs - 1
    gains = smooth[:, -1] - smooth[:, best]
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    worth = float(gains.mean()) > max(WORTH * float(smooth[:, -1].mean()), error)
    return Length(best + 1 if worth else epochs, epochs, record)


def _judged(log: Path, name: str, epochs: int) -> list[float]:
    lines = [parse_log_line(line, str(log)) for line in read_text(log).splitlines()]
    by_epoch = {line["epoch"]: line[f"val_{name}"] for line in lines if f"val_{name}" in line}
    if len(by_epoch) < epochs:
        raise DataError(f"{log}: judges {len(by_epoch)} of {epochs} epochs; remove {log.parent} and resume the run")
    return [by_epoch[epoch] for epoch in range(1, epochs + 1)]


def _smoothed(values: Float[np.ndarray, "k e"]) -> Float[np.ndarray, "k e"]:
    """The mean of each epoch and those beside it, as many as there are."""
    reach, count = SMOOTHED // 2, values.shape[1]
    windows = [values[:, max(at - reach, 0) : at + reach + 1] for at in range(count)]
    return np.stack([window.mean(axis=1) for window in windows], axis=1)


def _settings(setting: Setting, final: Refit) -> list[Setting]:
    """One setting per fold: its patients validate, and all others of training and validation train."""
    parts = RunLayout(setting.run.folder / "crossfit")
    config = with_final(setting.config, final.weights).model_copy(update={"run": None})
    return [
        replace(setting, config=config, run=parts.fold(number), splits=splits)
        for number, splits in enumerate(fold_splits(setting, final.folds))
    ]


def fold_splits(setting: Setting, count: int) -> list[Splits]:
    """`count` splits of the patients of training and validation; for one, that of the setting."""
    splits, store = setting.splits, setting.store
    if count == 1:
        return [splits]
    rows = sorted([*splits.rows("train"), *splits.rows("val")])
    patients = [store.patient_ids[row] for row in rows]
    findings = setting.config.data.findings or store.findings
    labels = store.labels[rows][:, store.columns_of(findings)]
    folds = dict(zip(rows, make_folds(patients, labels, count=count, seed=setting.config.seed), strict=True))
    dealt = []
    for number in range(count):
        words: list[Split] = [
            word if row not in folds else "val" if folds[row] == number else "train" for row, word in enumerate(splits)
        ]
        dealt.append(Splits(tuple(words), splits.patient_ids))
    return dealt


def _train(setting: Setting, epochs: int | None, *, resume: bool, brief: bool) -> None:
    run = setting.run
    if setting.is_main and not is_model_folder(run.best):
        described = plan(setting)
        record_plan(run, setting.config, setting.store, setting.splits)
        record_store(run, setting.store, setting.accelerator)
        described.write(setting)
    with tracked(setting), one_training(setting.accelerator):
        training = replace(set_up(setting, resume=resume, epochs=epochs), brief=brief)
        with choose_threads(training).applied():
            fit(training)
    setting.accelerator.wait_for_everyone()  # for the main process to write the last line of the log


def _score(setting: Setting, everyone: Sequence[int]) -> tuple[Answers | None, Distances]:
    """Scores the validation studies of a fold by its own model, and by the baselines of its training studies; on the
    main process, what the members of a stack say of them, whatever may be shown of `everyone`, and how far their images
    lie from those of training."""
    saved, splits = load_model(setting.run.best), setting.splits
    saved.model.to(setting.accelerator.device)
    place, answers, distances = setting.run.predictions, None, Distances()
    score_split(setting, saved, "val", default_showings(list(saved.config.model.inputs)), place)
    if setting.is_main:
        setting.say(*write_baselines(setting, saved, ("val",), place))
        if stackable(saved):
            answers = held_out_answers(setting, saved, splits, everyone)
        learned, unseen = (
            vectors_of(saved, setting.store, splits.rows(part), setting.count) for part in ("train", "val")
        )
        distances = held_out_distances(learned, unseen)
    setting.accelerator.wait_for_everyone()
    return answers, distances
