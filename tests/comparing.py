"""A written comparison of two models as its folder holds it, small enough to be read by a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cohorts import write_png

RECORD: dict[str, Any] = {
    "reference": "image+report",
    "arms": [{"name": "image+report"}, {"name": "image"}],
    "split": "test",
    "studies": 40,
    "patients": 30,
    "findings": [{"finding": "bleed"}],
    "estimates": [
        {"arm": "image+report", "metric": "auroc", "finding": None, "value": 0.9, "low": 0.8, "high": 0.95},
        {"arm": "image", "metric": "auroc", "finding": None, "value": 0.8, "low": 0.7, "high": 0.85},
        {"arm": "image+report", "metric": "auroc", "finding": "bleed", "value": 0.7, "refused": "4 patients"},
        {"arm": "image+report", "metric": "log_loss", "finding": "bleed", "value": 1.7, "low": 1.2, "high": 2.1},
    ],
    "differences": [
        {"arm": "image", "metric": "auroc", "finding": None, "value": 0.1, "low": 0.02, "high": 0.2}
        | {"p_holm": 0.01, "shown_to_differ": True},
    ],
    "sections": {
        "subgroups": {
            "reference": "image+report",
            "second": "image",
            "groups": [
                {"trait": "sex", "group": "f", "patients": 16, "auroc": {"value": 0.9}, "difference": None},
                {"trait": "sex", "group": "m", "patients": 14, "auroc": {"value": 0.7}, "difference": None},
            ],
            "gaps": [{"trait": "sex", "highest": "f", "lowest": "m", "gap": 0.2, "shown": False}],
        },
        "disagreements": [
            {"arm": "image", "row": "s1", "finding": "bleed", "label": 1, "reference_score": 0.9, "score": 0.2}
        ],
    },
    "pictures": [
        {"figure": "disagreement_01", "study": "s1", "finding": "bleed", "caption": "bleed, present. Study s1 <b>."}
    ],
}


def write_comparison(folder: Path, **changed: Any) -> Path:
    """The folder, with what is `changed` in its record."""
    write_png(folder / "figures" / "disagreement_01.png", 7)
    (folder / "compare.json").write_text(json.dumps(RECORD | changed), encoding="utf-8")
    return folder
