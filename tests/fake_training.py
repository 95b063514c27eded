"""A launcher that trains nothing: what a training leaves, in a moment; for tests of who starts, waits, fails and stops.

`python fake_training.py -m mmdx.cli train CONFIG [--resume]`, under the variables FAKE_STARTED (a file that gets a line
a start), FAKE_FAIL and FAKE_SLOW (parts of the paths of those that fail, and of those that take a minute) and
FAKE_SECONDS (how long the others take). Validation likes it the better the higher its learning rate is.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

import yaml


def main(config: str, *rest: str) -> None:
    raw = yaml.safe_load(Path(config).read_text())
    run = Path(raw["run"])
    with Path(os.environ["FAKE_STARTED"]).open("a") as started:
        started.write(" ".join([f"{run.parent.name}/{run.name}", *rest, os.environ["OMP_NUM_THREADS"]]) + "\n")
    (run / "predictions").mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").write_text(Path(config).read_text())
    (run / "log.jsonl").write_text(json.dumps({"step": 1, "epoch": 1, "val_auroc": 0.75}) + "\n")
    slow = os.environ.get("FAKE_SLOW", " ") in config
    time.sleep(60 if slow else float(os.environ.get("FAKE_SECONDS", "0")))
    if os.environ.get("FAKE_FAIL", " ") in config:
        sys.exit("mmdx: broken on purpose")
    draw = random.Random(config)
    shown = "+".join(raw["model"]["inputs"])
    rows = [f"s{n},p{n},{shown},bleed,{n % 2},{0.3 * (n % 2) + 0.7 * draw.random():.3f}" for n in range(40)]
    header = "study_id,patient_id,shown,finding,label,score"
    (run / "predictions" / "test.csv").write_text("\n".join([header, *rows]) + "\n")
    part, draw = min(0.9, 100 * raw["train"]["lr"]), random.Random(0)
    rows = [f"v{n},v{n},{shown},bleed,{n % 2},{part * (n % 2) + (1 - part) * draw.random():.3f}" for n in range(40)]
    (run / "predictions" / "val.csv").write_text("\n".join([header, *rows]) + "\n")
    split = [f"s{n},p{n},test" for n in range(40)] + [f"t{n},t{n},train" for n in range(60)]
    (run / "splits.csv").write_text("\n".join(["study_id,patient_id,split", *split]) + "\n")
    (run / "card.md").write_text("trained\n")


if __name__ == "__main__":
    main(*sys.argv[4:])
