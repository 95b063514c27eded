"""Cohorts of which a person can say what can be known without a deep model, and what baselines are made of there."""

from __future__ import annotations

from pathlib import Path

import cohorts

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines.inputs import BaselineInputs


def reported(home: Path) -> Store:
    """40 studies: a word and a site tell the finding, age does not; a study in five has no report."""
    rows = []
    for i in range(40):
        cohorts.write_png(home / "raw" / f"{i}.png", 50)
        report = "" if i % 5 == 0 else "Fell from a ladder." if i % 2 else "Headache for days."
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i}.png", "report": report}
        rows.append(row | {"bleed": i % 2, "split": ["train", "train", "val", "test"][(i // 2) % 4]})
    return cohorts.prepared(cohorts.write_table(home / "raw", rows), home / "store")


def ground(store: Store, *findings: str) -> BaselineInputs:
    """Of a run that reads images and reports."""
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": "timm", "report": "tfidf"}}}
    return BaselineInputs(parse_config(raw, "test"), store, store.splits, findings or ["bleed"])
