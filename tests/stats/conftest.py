"""Run folders with small, reproducible predictions."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

WriteRun = Callable[..., Path]


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Writes `<name>/predictions/test.csv`: one study per patient; `shown` says how well each arm tells the classes.

    Patient i has finding j where the bit j of i is set. A score is the label plus noise of the given breadth, squeezed
    into [0, 1]: breadth 0 is a perfect model, breadth 50 chance.
    """

    def write(
        name: str,
        shown: Mapping[str, float],
        *,
        patients: int = 40,
        findings: tuple[str, ...] = ("bleed", "fracture"),
        constant: Mapping[str, int | str] | None = None,
        seed: int = 0,
    ) -> Path:
        rng = np.random.default_rng(seed)
        rows = []
        for arm, breadth in shown.items():
            for j, finding in enumerate(findings):
                for i in range(patients):
                    label = (constant or {}).get(finding, i >> j & 1)
                    score = 1 / (1 + np.exp(-4 * ((i >> j & 1) - 0.5) - breadth * rng.normal()))
                    rows.append((f"s{i}", f"p{i}", arm, finding, label, score))
        path = tmp_path / name / "predictions" / "test.csv"
        path.parent.mkdir(parents=True)
        columns = ["study_id", "patient_id", "shown", "finding", "label", "score"]
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
        return tmp_path / name

    return write
