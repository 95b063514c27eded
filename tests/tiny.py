"""A cohort small enough to train on in seconds: grey squares, whose brightness is the label, and a word of history."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

SIDE = 32


def write_cohort(root: Path, *, patients: int = 36, reports: int | None = None, seed: int = 0) -> Path:
    """One study per patient, 1 to 3 images each, for the `folder` reader; the first `reports` have a report."""
    rng = np.random.default_rng(seed)
    root.mkdir(parents=True)
    rows = []
    for index in range(patients):
        label = index % 2
        names = []
        for image in range(1 + index % 3):
            pixels = rng.normal(90 + 60 * label, 25, (SIDE, SIDE)).clip(0, 255).astype(np.uint8)
            names.append(f"{index:02d}_{image}.png")
            Image.fromarray(pixels).save(root / names[-1])
        told = "history of a fall on the head" if rng.random() < 0.3 + 0.4 * label else "headache since this morning"
        with_report = reports is None or index < reports
        row = {"study_id": f"s{index:02d}", "patient_id": f"p{index:02d}", "file_names": names, "bleed": label}
        rows.append(row | {"fracture": (index // 2) % 2, "report": told if with_report else ""})
    (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root


def write_config(path: Path, source: Path, **train: object) -> Path:
    """A fused model of the smallest parts, without a stack, on the cohort in `source`; all goes beside `path`."""
    config = {
        "data": {"reader": "folder", "source": str(source), "stores": str(path.parent / "stores"), "size": SIDE},
        "model": {
            "inputs": {
                "image": {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 16}},
                "report": {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}},
            },
            "dim": 16,
            "modality_dropout": 0.3,
        },
        "train": {
            "epochs": 2,
            "slices": 12,
            "studies": 6,
            "checkpoint_steps": 1,
            "final": "best",
            "stack": False,
            **train,
        },
        "run": str(path.parent / "run"),
        "plugins": ["patches"],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
