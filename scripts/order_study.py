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

from mmdx.config import SliceOrder
from mmdx.config_file import read_config
from mmdx.engine.build import resolve
from mmdx.engine.evaluate import Scoring, evaluate_run
from mmdx.engine.experiment import run_training
from mmdx.errors import MmdxError
from mmdx.stats.cohort import read_cohort
from mmdx.stats.compare import compare, score_all, score_resamples, with_mean
from mmdx.stats.intervals import interval
from mmdx.stats.metrics import METRICS

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
        run_training(resolve(read_config(CONFIG, overrides)), run.name, Console(stderr=True), resume=started)
    return run


def folder(given: argparse.Namespace, model: str, seed: int) -> Path:
    return given.out / f"{model}-{given.trained}-{given.patients}-{given.epochs}-{seed}"


def scored(run: Path, name: str) -> Path:
    """The prediction file of a run under one order."""
    return run / "orders" / name.replace(" % ", "_").replace(" ", "_") / "test.csv"


def table(given: argparse.Namespace) -> list[str]:
    """A line a model, a column an order: the mean over seeds, with its interval over patients."""
    paths = [
        scored(folder(given, model, seed), name)
        for model in given.models
        for name in SCORED
        for seed in range(given.seeds)
    ]
    cohort = read_cohort(paths)
    patients = cohort.patients.max() + 1
    findings = compare(paths[:1]).in_mean
    included = [cohort.findings.index(finding) for finding in findings]
    shape, auroc = (len(given.models), len(SCORED), given.seeds, -1), list(METRICS).index("auroc")
    points = with_mean(score_all(cohort), included)[:, auroc, -1].reshape(shape)
    drawn = with_mean(score_resamples(cohort, resamples=RESAMPLES, seed=0), included)[:, auroc, -1].reshape(shape)
    lines = [
        f"{given.patients} patients, {given.seeds} seeds, {given.epochs} epochs, trained on {given.trained} order",
        f"test: {cohort.studies} studies of {patients} patients; mean AUROC of {len(included)} findings",
        "",
        "".join([f"{'model':12}", *(f"{name:22}" for name in SCORED), "spread"]),
    ]
    for row, model in enumerate(given.models):
        cells = [cell(points[row, column, :, 0], drawn[row, column]) for column in range(len(SCORED))]
        lines.append("".join([f"{model:12}", *(f"{text:22}" for text in cells), f"{np.ptp(points[row, 0]):.3f}"]))
    return lines


def cell(points: np.ndarray, drawn: np.ndarray) -> str:
    """The mean over seeds, and where enough patients carry one, its interval."""
    found = interval(float(points.mean()), drawn.mean(axis=0))
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
