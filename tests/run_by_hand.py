"""A run folder with every file that a report of it reads, written by hand: nothing is trained.

Eight patients of one study each, of whom four are tested: half of them bleed, and the scores tell so. What mmdx itself
serialises (config, facts of the model, audit, comparison) goes through it, so that its keys are those of a real run.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tiny import write_config

from mmdx.config_file import dump_config, read_config
from mmdx.data.audit.audit import Audit
from mmdx.data.audit.issues import Issue
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.scoring.orders import SliceOrders
from mmdx.files import BASELINES, PREDICTION_COLUMNS, ModelLayout, RunLayout, write_json, write_text
from mmdx.models.facts import InputFacts
from mmdx.schema import ReportOptions
from mmdx.stats.comparison.compare import compare

SPLITS = ("train", "train", "val", "val", "test", "test", "test", "test")
SCORES = {"image+report": (0.1, 0.9), "image": (0.2, 0.8), "report": (0.4, 0.6)}
"""By showing, the score of every study that does not bleed, and of every one that does."""


def write_run(folder: Path) -> Path:
    """The run, in `folder/run`, on a store in `folder/store` of which only the description and the card are there."""
    run, store = RunLayout(folder / "run"), folder / "store"
    config = resolve(read_config(write_config(folder / "tiny.yaml", folder), ["data.split={val: 0.25, test: 0.5}"]))
    write_text(run.config, dump_config(config))
    _write_environment(run, store)
    _write_store(store)
    _write_tables(run)
    _write_model(run)
    metrics = compare([run.folder], resamples=100).to_json()
    write_json(
        run.metrics, metrics | {"slice_orders": asdict(SliceOrders("certified", 0.0, {"image": 1}, {"image": 8}))}
    )
    return run.folder


def write_compared(folder: Path) -> Path:
    """A folder with the sections of a comparison that a report refers to."""
    names = ("reliability", "confusion", "subgroups", "missing", "disagreements", "decisions")
    write_json(folder / "compare.json", {"sections": {name: [1] for name in names}})
    return folder


def _write_environment(run: RunLayout, store: Path) -> None:
    facts = {"reader": "folder", "fingerprint": "ab12", "studies": 8, "patients": 8, "quarantined": 2}
    facts["quarantine_reasons"] = {"no image": 2}
    environment = {
        "python": "3.11",
        "platform": "Linux",
        "packages": {"mmdx": "1.0", "timm": None},
        "device": "cpu",
        "processes": 1,
        "store": {"folder": str(store), **facts},
    }
    write_json(run.environment, environment)


def _write_store(store: Path) -> None:
    privacy = {"pseudonym_key": None, "text": {"reports": 8, "with_any": 1}}
    write_json(store / "dataset.json", {"size": 32, "split": {"val": 0.25, "test": 0.5}, "privacy": privacy})
    write_text(store / "card.md", "---\nlicense: cc-by-4.0\n---\n")


def _write_tables(run: RunLayout) -> None:
    studies = [("study_id,patient_id,split", "age,number of images,order source of image,having a report")]
    studies += [(f"s{i},p{i},{split}", f"{50 + i},2,position,{'yes' if i else 'no'}") for i, split in enumerate(SPLITS)]
    write_text(run.splits, "".join(f"{keys}\n" for keys, _ in studies))
    write_text(run.studies, "".join(f"{keys},{facts}\n" for keys, facts in studies))
    write_text(run.labels, "".join(["study_id,patient_id,bleed\n", *(f"s{i},p{i},{i % 2}\n" for i in range(8))]))
    for split in ("val", "test"):
        rows = [i for i, part in enumerate(SPLITS) if part == split]
        _write_scores(run.scores(split), rows, SCORES)
        _write_scores(run.scores(split, BASELINES), rows, {"baseline: prevalence": (0.5, 0.5)})


def _write_scores(path: Path, rows: list[int], scores: dict[str, tuple[float, float]]) -> None:
    lines = [f"s{i},p{i},{shown},bleed,{i % 2},{pair[i % 2]}" for shown, pair in scores.items() for i in rows]
    write_text(path, "\n".join([",".join(PREDICTION_COLUMNS), *lines]) + "\n")


def _write_model(run: RunLayout) -> None:
    inputs = {"image": InputFacts("images"), "report": InputFacts("text", vocabulary=9)}
    write_json(ModelLayout(run.best).facts, ModelFacts(("bleed",), 32, inputs, {"study": (0.5,)}).to_json())
    epochs = [{"step": 1, "epoch": 1, "val_auroc": 0.6}, {"step": 2, "epoch": 2, "val_auroc": 0.7}]
    write_text(run.log, "".join(json.dumps(epoch) + "\n" for epoch in epochs))
    write_text(run.folder / "figures" / "flow.svg", "<svg/>")
    shortcut = Issue("shortcut", "warning", "The number of images tells bleed; look at it.")
    Audit("ab12", "cd34", ReportOptions(), (shortcut,)).save(run.audit)
