"""`mmdx compare` of two runs against loops over resamples, timed in turn: one JSON line a row (see `benchmark.py`).

    python scripts/benchmark_compare.py [--studies N] [--findings N] [--resamples N] [--repeats N]

Two runs with test and validation predictions, one study per patient, are written first. Ours is `comparison/compare.py`
of the two folders, from reading the files to corrected p-values: 16 metrics of every finding and of their means. Theirs
is given labels and scores in memory, and makes fewer metrics. It is timed for a few resamples (`timed`), and its rate
is that of all of them.

`compare`           resamples/s, against a plain loop that draws studies and calls scikit-learn's AUROC, average
                    precision, log loss and Brier score for each finding of each run; aim 100 or more.
`compare_pyhealth`  resamples/s, against PyHealth's `paired_bootstrap_diff` for the same four, where it is installed.
`compare_bca`       seconds with BCa intervals, against percentile intervals.
`compare_memory`    peak memory (MB) of a process that compares, against the 1,024 that it may take.

What did not help, on two cores of an AMD EPYC: `np.add.reduceat` and `np.cumsum` down the rows, 20 and 2 times slower
than a sparse product and sums in blocks; an addition a row in a loop, 10 times; a metric at a time over weights `[r n]`
in 32 bits, 3 times, for a quarter of the metrics and without the micro average. 32-bit floats would halve the matrix
product, a fifth of the whole, and leave six digits of a log loss. What is left is a third reading and aligning files,
and two thirds, on all cores, running sums, divisions and that product in like shares.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from benchmark_timing import in_turn, report
from sklearn import metrics

from mmdx.stats.comparison.compare import compare

PREVALENCE = 0.2
LIMIT = 1024
PEAK = """
import re, sys
from pathlib import Path
from mmdx.stats.comparison.compare import compare
compare([Path(sys.argv[1]), Path(sys.argv[2])], resamples=int(sys.argv[3]))
# Of this program alone: getrusage counts what the process was before it.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def log_loss(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(metrics.log_loss(labels, scores, labels=[0, 1]))


SCIKIT_LEARN: Sequence[Callable[[np.ndarray, np.ndarray], float]] = (
    metrics.roc_auc_score,
    metrics.average_precision_score,
    log_loss,
    metrics.brier_score_loss,
)


def write_runs(folder: Path, labels: np.ndarray, scores: np.ndarray) -> list[Path]:
    """A run folder for each of `scores [a n f]`; a tenth of the studies are validation rows too, under other names."""
    runs = [folder / name for name in ("first", "second")[: len(scores)]]
    findings, few = [f"finding {f}" for f in range(labels.shape[1])], len(labels) // 10
    for run, said in zip(runs, scores, strict=True):
        (run / "predictions").mkdir(parents=True)
        for split, rows in (("test", len(labels)), ("val", few)):
            studies = np.repeat([f"{split}{row}" for row in range(rows)], len(findings))
            columns = {"study_id": studies, "patient_id": studies, "shown": "image", "finding": findings * rows}
            numbers = {"label": labels[:rows].ravel().astype(int), "score": said[:rows].ravel()}
            pd.DataFrame(columns | numbers).to_csv(run / "predictions" / f"{split}.csv", index=False)
    return runs


def cohort(studies: int, findings: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels `[n f]` and the scores of two runs `[2 n f]`, the first a little better."""
    rng = np.random.default_rng(0)
    labels = (rng.random((studies, findings)) < PREVALENCE).astype(float)
    noise = rng.normal(size=(2, *labels.shape)) * np.array([1.0, 1.1])[:, None, None]
    return labels, 1 / (1 + np.exp(1.5 - 1.5 * labels - noise))


def loop(labels: np.ndarray, scores: np.ndarray, resamples: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(resamples):
        drawn = rng.integers(len(labels), size=len(labels))
        for said in scores:
            for truth, column in zip(labels[drawn].T, said[drawn].T, strict=True):
                for metric in SCIKIT_LEARN:
                    metric(truth, column)


def pyhealth_loop(labels: np.ndarray, scores: np.ndarray, resamples: int) -> None:
    paired = importlib.import_module("pyhealth.metrics.bootstrap").paired_bootstrap_diff
    patients = np.arange(len(labels))
    for f in range(labels.shape[1]):
        for metric in ("roc_auc", "pr_auc", log_loss, "brier"):
            paired(labels[:, f], *scores[:, :, f], metric, groups=patients, n_boot=resamples)


def peak(runs: Sequence[Path], resamples: int) -> float:
    command = [sys.executable, "-c", PEAK, *map(str, runs), str(resamples)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    return float(done.stdout)


def has_pyhealth() -> bool:
    return importlib.util.find_spec("pyhealth") is not None and (
        importlib.util.find_spec("pyhealth.metrics.bootstrap") is not None
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=6)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--timed", type=int, default=5, help="resamples that the loops are timed for")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    labels, scores = cohort(asked.studies, asked.findings)
    size = {"studies": asked.studies, "findings": asked.findings, "resamples": asked.resamples, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as place:
        runs = write_runs(Path(place), labels, scores)

        def ours() -> None:
            compare(runs, resamples=asked.resamples)

        loops = {"compare": loop} | ({"compare_pyhealth": pyhealth_loop} if has_pyhealth() else {})
        for name, theirs in loops.items():
            seconds = in_turn(ours, lambda theirs=theirs: theirs(labels, scores, asked.timed), asked.repeats)
            rates = asked.resamples / seconds[0], asked.timed / seconds[1]
            report(name, *rates, unit="resamples/s", seconds=round(seconds[0], 2), timed=asked.timed, **size)
        if "compare_pyhealth" not in loops:
            print(json.dumps({"name": "compare_pyhealth", "left_out": "PyHealth 2.1 or later is not installed"}))
        bca = in_turn(lambda: compare(runs, resamples=asked.resamples, intervals="bca"), ours, asked.repeats)
        report("compare_bca", *bca, unit="s", **size)
        report("compare_memory", peak(runs, asked.resamples), LIMIT, unit="MB", **size)


if __name__ == "__main__":
    main()
