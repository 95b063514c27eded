"""A copy of the RSNA 2019 challenge of a few slices, in its public layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from cohorts import write_ct

TYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")


def write_challenge(root: Path, studies: Mapping[str, Sequence[str]], *, part: str = "train") -> Path:
    """Slices from feet to head by study; patient `p_` and the study's last letter; slice `ID_<k>` is `k` HU throughout.

    The table has six rows an image: image `ID_…1` has a subdural bleed, the others have none.
    """
    for study, images in studies.items():
        for number, image in enumerate(images, start=1):
            hu = np.full((4, 4), number)
            place = {"instance": number, "study": study, "series": f"{study}.1", "patient": f"p_{study[-1]}"}
            write_ct(root / f"stage_2_{part}" / f"{image}.dcm", hu, **place)
    rows = [(image, finding) for images in studies.values() for image in images for finding in TYPES]
    lines = [f"{image}_{f},{label(image, f) if part == 'train' else 0.5}" for image, f in rows]
    table = root / ("stage_2_train.csv" if part == "train" else "stage_2_sample_submission.csv")
    table.write_text("\n".join(["ID,Label", *lines]) + "\n")
    return root


def label(image: str, finding: str) -> int:
    return int(image.endswith("1") and finding in ("subdural", "any"))
