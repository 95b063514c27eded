"""A cohort of two pictures of each slice, brain and bone, of a few bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

WINDOWS = ("brain", "bone")


def write_windows(
    root: Path, *, studies: int = 24, side: int = 16, lacking: int | None = None, short: int | None = None
) -> Path:
    """For the `folder` reader: study `i` has 1 to 3 slices, of which `brain` is grey `40 + slice` and `bone` is bright
    where `bleed`, the label `i % 2`, is 1. The study `lacking` has no bone, and `short` one picture of bone too few.
    """
    rows = []
    for i in range(studies):
        names: dict[str, list[str]] = {window: [] for window in WINDOWS}
        for place in range(1 + i % 3):
            for window in WINDOWS:
                path = root / f"s{i:02d}" / window / f"{place + 1}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                grey = 40 + place if window == "brain" else 60 + 120 * (i % 2)
                Image.fromarray(np.full((side, side), grey, dtype=np.uint8)).save(path)
                names[window].append(str(path.relative_to(root)))
        if i == short:
            names["bone"].pop()
        files = {f"{window}_file_names": names[window] for window in WINDOWS}
        if i == lacking:
            files["bone_file_names"] = []
        rows.append({"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "bleed": i % 2} | files)
    (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root
