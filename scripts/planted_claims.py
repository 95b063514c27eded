"""Whether claims agree with what was planted: a report that helps, one that does not, one that gives the answer away.

    python scripts/planted_claims.py OUT [--cohorts 20] [--patients 300] [--epochs 6] [--jobs 2]

Makes phantom cohorts of known truth, three of each seed: reports of likelihood ratio 4 (they help), of 1 (they tell
nothing) and of 1 with the answer written in (a leak). On each, one model reads images and reports, another images
alone; `mmdx compare` says whether the first is better, and the audit what to think of it. Prints how often each was
said, with its Wilson interval, and leaves `claims.csv`. A run that lies in OUT is taken as it is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mmdx.config_file import dump_config, read_config
from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.headlines import baseline_line

CONFIG = Path(__file__).parents[1] / "configs" / "phantom.yaml"
PLANTED = {
    "helps": "report_likelihood_ratio: 4",
    "tells nothing": "report_likelihood_ratio: 1",
    "leaks": "report_likelihood_ratio: 1, leak: true",
}
TEST_SHARE = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cases = [(planted, seed) for seed in range(options.cohorts) for planted in PLANTED]
    options.out.mkdir(parents=True, exist_ok=True)
    alone, told = image_config(options.out), PLANTED["tells nothing"]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda s: train(options, told, s, image_run(options, s), alone), range(options.cohorts)))
        rows = list(pool.map(lambda case: claimed(options, *case), cases))
    table = pd.DataFrame(rows)
    table.to_csv(options.out / "claims.csv", index=False)
    for planted, found in table.groupby("planted", sort=False):
        print(f"\na report that {planted}, {len(found)} cohorts")
        print(f"  image {found['image'].mean():.3f}, image+report {found['fused'].mean():.3f} (mean macro AUROC)")
        for column in ("better", "worse", "unbeaten", "audit warns"):
            count = int(np.count_nonzero(found[column]))
            bounds = binomtest(count, len(found)).proportion_ci(method="wilson")
            print(f"  {column:12} {count} of {len(found)} ({bounds.low:.0%} to {bounds.high:.0%})")


def claimed(options: argparse.Namespace, planted: str, seed: int) -> dict[str, object]:
    """What is said of one cohort. Its images and labels are the same whatever is planted in its reports, so that one
    model of images stands for all three."""
    fused = options.out / f"fused-{planted.replace(' ', '-')}-{seed}"
    train(options, PLANTED[planted], seed, fused)
    alone = image_run(options, seed)
    found = compare([fused, alone])
    whole, arm = (f"{fused.name}: image+report", alone.name)
    difference = found.differences[arm, "auroc", None]
    return {
        "planted": planted,
        "seed": seed,
        "fused": found.estimates[whole, "auroc", None].value,
        "image": found.estimates[arm, "auroc", None].value,
        "difference": difference.estimate.value,
        "p": difference.stated,
        "better": difference.shown and difference.estimate.value > 0,
        "worse": difference.shown and difference.estimate.value < 0,
        "unbeaten": "beats every baseline" not in str(baseline_line(found, None)),
        "audit warns": "report leakage" in found.audits[fused.name],
    }


def image_run(options: argparse.Namespace, seed: int) -> Path:
    return options.out / f"image-{seed}"


def image_config(out: Path) -> Path:
    """The config of the model that reads images alone."""
    config = read_config(CONFIG)
    model = config.model.model_copy(update={"inputs": {"image": config.model.inputs["image"]}, "modality_dropout": 0.0})
    path = out / "image.yaml"
    path.write_text(dump_config(config.model_copy(update={"model": model})), encoding="utf-8")
    return path


def train(options: argparse.Namespace, reports: str, seed: int, run: Path, config: Path = CONFIG) -> None:
    """A run, unless it was finished before."""
    if (run / "card.md").is_file():
        return
    overrides = [
        f"data.reader={{type: phantom, prevalence: 0.2, patients: {options.patients}, seed: {seed}, {reports}}}",
        f"data.source={options.out / 'phantoms' / run.name}",
        f"data.stores={options.out / 'stores'}",
        f"data.split={{test: {TEST_SHARE}}}",
        f"train.epochs={options.epochs}",
        f"run={run}",
    ]
    command = [sys.executable, "-m", "mmdx.cli", "train", str(config), *overrides]
    threads = max(1, (os.cpu_count() or 1) // options.jobs)
    begun = ["--resume"] if (run / "config.yaml").is_file() else []
    subprocess.run(
        [*command, *begun], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": str(threads)}
    )


if __name__ == "__main__":
    main()
