"""A refitted run written by hand, of which three labels are wrong and the scores out of fold know it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdx.files import SLICES, RunLayout, write_json, write_text

WRONG = ("s03", "s08", "s21")


def write_doubted(folder: Path, *, store: Path | None = None, slices: bool = False, patients: int = 40) -> Path:
    """Studies `s00` … of one patient each, every second with a bleed; one finding, `rare`, is of two patients."""
    run, rng = RunLayout(folder), np.random.default_rng(0)
    write_text(run.config, "data: {primary: bleed}\n")
    write_json(run.final, {"epochs": 1})
    fingerprint = {} if store is None else {"folder": str(store), "fingerprint": _fingerprint(store)}
    write_json(run.environment, {"store": fingerprint})
    issue = {"kind": "contradictory labels", "figures": {"bleed": ["s08"]}}
    write_json(run.audit, {"verdict": "1 warning", "findings": [issue]})
    lines, of_slices = [], []
    for i in range(patients):
        study, truth = f"s{i:02d}", i % 2
        label = 1 - truth if study in WRONG else truth
        score = np.clip(0.08 + 0.84 * truth + rng.normal(0, 0.03), 0.01, 0.99)
        lines += [f"{study},p{i:02d},image+report,rare,{int(i < 2)},0.1", f"{study},p{i:02d},image,bleed,{label},0.5"]
        lines.append(f"{study},p{i:02d},image+report,bleed,{label},{score:.4f}")
        of_slices += [f"{study},p{i:02d},image+report,bleed,{label},{score * (1 - n / 10):.4f},{n}" for n in range(2)]
    head = "study_id,patient_id,shown,finding,label,score"
    write_text(run.scores("val"), "\n".join([head, *lines]) + "\n")
    if slices:
        write_text(run.scores("val", SLICES), "\n".join([f"{head},slice", *of_slices]) + "\n")
    return folder


def _fingerprint(store: Path) -> str:
    from mmdx.data.store.store import Store

    return Store(store).fingerprint
