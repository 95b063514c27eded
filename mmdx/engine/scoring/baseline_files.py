"""`<split>_baselines.csv` beside the predictions of a run: the same rows, scored by what asks for no deep model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.baselines import Ground, slice_baselines, study_baselines
from mmdx.engine.scoring.score import SLICES, write_rows
from mmdx.files import BASELINES
from mmdx.study import Split


def write_baselines(
    saved: SavedModel, store: Store, splits: Splits, scored: Sequence[Split], folder: Path
) -> list[str]:
    """Writes the baselines of every split in `scored` that has predictions in `folder`; says what was left out.

    They answer for the rows, patients and labels of these files, whatever was shown, and are fitted once.
    """
    ground = Ground(saved.config, store, splits, saved.facts.findings)
    row_of = {study: row for row, study in enumerate(store.study_ids)}
    files = {split: rows for split in scored if len(rows := _scored(folder / f"{split}.csv"))}
    studies = {split: list(dict.fromkeys(rows["study_id"])) for split, rows in files.items()}
    asked = [row_of[study] for names in studies.values() for study in names]
    found, said = study_baselines(ground, asked) if asked else ({}, [])
    start = 0
    for split, names in studies.items():
        place = {study: start + at for at, study in enumerate(names)}
        start += len(names)
        at = np.array([place[study] for study in files[split]["study_id"]])
        _write(folder / f"{split}{BASELINES}.csv", files[split], found, at, ground.findings)
    modality = next((head.modality for head in saved.model.heads_of("slice").values()), None)
    for split in scored:
        rows = _scored(folder / f"{split}{SLICES}")
        if len(rows) and modality is not None:
            owners = [row_of[study] for study in rows["study_id"]]
            wanted = pd.DataFrame({"row": owners, "slice": rows["slice"].astype(int)})
            path = folder / f"{split}{SLICES.removesuffix('.csv')}{BASELINES}.csv"
            _write(path, rows, slice_baselines(ground, modality, wanted), np.arange(len(rows)), ground.findings)
    return said


def _scored(path: Path) -> pd.DataFrame:
    """The rows of a prediction file under what was shown first, as text; none where there is no such file."""
    if not path.is_file():
        return pd.DataFrame()
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return rows.loc[rows["shown"] == rows["shown"].iloc[0]].reset_index(drop=True) if len(rows) else rows


def _write(
    path: Path,
    rows: pd.DataFrame,
    found: Mapping[str, Float[np.ndarray, "n f"]],
    at: np.ndarray,
    findings: Sequence[str],
) -> None:
    """`rows` once a baseline; row i takes the scores of line `at[i]`."""
    column = pd.Index(findings).get_indexer(pd.Index(rows["finding"]))
    write_rows(path, [rows.assign(shown=name, score=scores[at, column]) for name, scores in found.items()])
