"""Which model of a training should stay (`train.final`), measured on one cohort over deals of folds and seeds.

    python scripts/final_models.py CONFIG [key=value ...] [--deals 0 1] [--seeds 0 1 2]

In each fold two trainings are run to their end: one on the training studies, whose validation studies judge its epochs,
and one on both. Of the first these are scored on the fold's test studies: the best epoch by macro AUROC (`best auroc`)
and by log loss (`best log_loss`), the `last` weights and their `average`; of the second `refit last` and `refit
average`. One line each: the macro AUROC (slices where these judge, else studies), the mean of the folds, its mean and
standard deviation over deals and seeds. Test studies choose nothing. A config without `data.folds` is trained on its
one split, for each seed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from torch import Tensor

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.finals import Average, Mean, with_final
from mmdx.engine.assembly.resolve import read_resolved
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.cross_validation import deal_folds
from mmdx.engine.processes import make_accelerator
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.score import score_rows
from mmdx.engine.training.loop import Training, one_training, set_up, train_epoch, validate
from mmdx.engine.training.plan import plan
from mmdx.files import RunLayout
from mmdx.schema import Component, Config
from mmdx.stats.metrics.evaluate import evaluate

State = Mapping[str, Tensor]


def states(training: Training, *, judged: bool) -> dict[str, State]:
    """The weights that each rule keeps of a training, which is run to its end."""
    model, best = training.saved.model, {"auroc": -np.inf, "log_loss": -np.inf}
    keeper, kept = Mean(Average().tail), {}
    training.keeper = keeper
    for epoch in range(training.epochs):
        for _ in train_epoch(training):
            pass
        training.progress = replace(training.progress, epoch=epoch + 1, batch=0)
        judgement = validate(training) if judged else None
        if judgement is None:
            continue
        for rule in best:
            score = judgement.auroc if rule == "auroc" else -judgement.log_loss
            if score > best[rule] or f"best {rule}" not in kept:
                best[rule], kept[f"best {rule}"] = score, copied(model.state_dict())
    word = "" if judged else "refit "
    averaged = keeper.weights(model) or model.state_dict()
    return kept | {f"{word}last": copied(model.state_dict()), f"{word}average": copied(averaged)}


def copied(state: State) -> State:
    return {name: value.clone() for name, value in state.items()}


def scores(setting: Setting) -> dict[str, float]:
    """The macro AUROC on test studies of the model that each rule keeps."""
    answers = {}
    for judged, splits in ((True, setting.splits), (False, setting.splits.joined())):
        with tempfile.TemporaryDirectory(prefix="mmdx-final-") as place:
            inside = replace(setting, splits=splits, run=RunLayout(Path(place)))
            plan(inside).write(inside)
            with one_training(inside.accelerator):
                training = set_up(inside, resume=False)
                for rule, state in states(training, judged=judged).items():
                    training.saved.model.load_state_dict(state)
                    answers[rule] = tested(training, inside)
    return answers


def tested(training: Training, setting: Setting) -> float:
    rows, shown = setting.splits.rows("test"), list(setting.config.model.inputs)
    studies, slices = score_rows(training.saved, setting.store, rows, shown, setting.accelerator)
    judging = slices if setting.config.train.judge == "slices" else studies
    return evaluate(judging, primary=setting.config.data.primary)


def settings(options: argparse.Namespace, store: Store, deal_seed: int, seed: int) -> Iterator[Setting]:
    folded = read_resolved(options.config, options.overrides).data.folds is not None
    places = [f"seed={seed}", *([f"data.folds.seed={deal_seed}"] if folded else [])]
    config = with_final(read_resolved(options.config, [*options.overrides, *places]), Component(type="last"))
    accelerator = make_accelerator()
    parts: list[Splits] = deal_folds(config, store)[1] if folded else [deal(config, store)]
    for splits in parts:
        yield Setting(config, RunLayout(Path()), store, splits, accelerator, Console(quiet=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--deals", type=int, nargs="+", default=[0, 1], help="seeds by which patients are dealt")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("overrides", nargs="*", help="key=value, as for mmdx train")
    options = parser.parse_intermixed_args()
    config: Config = read_resolved(options.config, options.overrides)
    store = open_store(config, Console(stderr=True))
    rows = []
    for deal_seed in options.deals:
        for seed in options.seeds:
            folds = pd.DataFrame([scores(setting) for setting in settings(options, store, deal_seed, seed)])
            rows.append(folds.mean())
            line = {name: round(float(value), 3) for name, value in rows[-1].items()}
            print(json.dumps({"deal": deal_seed, "seed": seed, **line}), flush=True)
    table = pd.DataFrame(rows)
    for rule in table:
        print(f"{rule:16s} {table[rule].mean():.3f} ± {table[rule].std(ddof=0):.3f}", flush=True)


if __name__ == "__main__":
    main()
