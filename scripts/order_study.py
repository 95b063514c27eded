"""What the order of slices is worth: sequence models trained on a phantom cohort, scored under other orders.

    python scripts/order_study.py OUT [--patients 400] [--seeds 3] [--epochs 16] [--models lstm mean …]
                                      [--trained certified]

Each model is trained once a seed on images read as `--trained` says, and that one checkpoint is scored on the test
split with its slices in certified, reversed and shuffled order, and with 20 % of them left out. The table holds macro
AUROCs, each the mean over seeds, with a 95 % interval over patients that all models and seeds share; `spread` is the
range over seeds in certified order. Runs and scores that lie in OUT already are not made again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.scoring.evaluate import Scoring, evaluate_run
from mmdx.errors import MmdxError
from mmdx.schema import SliceOrder
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.compare import compare_cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.words import with_interval

CONFIG = Path(__file__).parents[1] / "configs" / "multi_image_lstm.yaml"
RESAMPLES = 1000
MODELS = {
    "lstm": "{type: lstm, hidden: 64}",
    "lstm_max": "{type: lstm, hidden: 64, bidirectional: true, answer: max}",
    "gru": "{type: gru, hidden: 64}",
    "mean": "mean",
    "max": "max",
    "attention": "attention",
    "transformer": "{type: transformer, hidden: 64}",
    "adjacent": "{type: adjacent, hidden: 64}",
}
SCORED: dict[str, tuple[SliceOrder, float]] = {
    "certified": ("certified", 0.0),
    "reversed": ("reversed", 0.0),
    "shuffled": ("shuffled", 0.0),
    "20 % left out": ("certified", 0.2),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--trained", choices=["certified", "shuffled", "reversed"], default="certified")
    given = parser.parse_args(arguments)
    try:
        for seed in range(given.seeds):
            for model in given.models:
                run = trained(given, model, seed)
                print(f"seed {seed}: {model} trained", file=sys.stderr)
                for name, (order, drop) in SCORED.items():
                    if not scored(run, name).is_file():
                        evaluate_run(run, "test", None, scored(run, name).parent, Scoring(order, drop))
        print("\n".join(table(given)))
    except MmdxError as error:
        print(f"order_study: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def trained(given: argparse.Namespace, model: str, seed: int) -> Path:
    """The run of one model and seed, which is finished first where it is not."""
    run = folder(given, model, seed)
    overrides = [
        f"data.reader.patients={given.patients}",
        f"data.source={given.out / f'phantom-{given.patients}'}",
        f"data.stores={given.out / 'stores'}",
        f"data.order={given.trained}",
        f"model.inputs.image.sequence={MODELS[model]}",
        f"train.epochs={given.epochs}",
        f"seed={seed}",
        f"run={run}",
    ]
    if not (run / "metrics.json").is_file():
        started = (run / "config.yaml").is_file()
        train(resolve(read_config(CONFIG, overrides)), name=run.name, console=Console(stderr=True), resume=started)
    return run


def folder(given: argparse.Namespace, model: str, seed: int) -> Path:
    return given.out / f"{model}-{given.trained}-{given.patients}-{given.epochs}-{seed}"


def scored(run: Path, name: str) -> Path:
    """The prediction file of a run under one order."""
    return run / "orders" / name.replace(" % ", "_").replace(" ", "_") / "test.csv"


def table(given: argparse.Namespace) -> list[str]:
    """One line per model, one column per order: the mean over seeds, with its interval over patients."""
    paths = [
        scored(folder(given, model, seed), name)
        for model in given.models
        for name in SCORED
        for seed in range(given.seeds)
    ]
    configs = [f"{model} {name}" for model in given.models for name in SCORED for _ in range(given.seeds)]
    cohort = read_cohort(paths, configs=configs)
    found = compare_cohort(cohort, Resampler.of(cohort, resamples=RESAMPLES, seed=0))
    lines = [
        f"{given.patients} patients, {given.seeds} seeds, {given.epochs} epochs, trained on {given.trained} order",
        f"test: {found.studies} studies of {found.patients} patients; mean AUROC of {len(found.in_mean)} findings",
        "",
        "".join([f"{'model':12}", *(f"{name:22}" for name in SCORED), "range over orders"]),
    ]
    arms = [arm.name for arm in found.models]
    for row, model in enumerate(given.models):
        own = [found.estimates[arms[row * len(SCORED) + column], "auroc", None] for column in range(len(SCORED))]
        spread = np.ptp([estimate.value for estimate in own])
        lines.append("".join([f"{model:12}", *(f"{with_interval(each):22}" for each in own), f"{spread:.3f}"]))
    return lines


if __name__ == "__main__":
    sys.exit(main())
