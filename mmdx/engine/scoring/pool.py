"""The prediction files of several models, each of other studies, become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.calibrate import LEVELS, logits_of, lone_head, probabilities_of
from mmdx.files import BASELINES, BOXES, BOXES_TRUTH, SLICE, SLICES, SPREAD, copy_file, scores_name, written
from mmdx.study import Split

KINDS_OF_SCORES = ((), (SLICES,), (BASELINES,), (SLICES, BASELINES), (BOXES,), (BOXES_TRUTH,))


def pool_scores(places: Sequence[Path], out: Path, split: Split) -> list[str]:
    """Writes what the folders `places` say of a split into `out`, each study once, in the order of a single run's.

    A baseline that one of them could not make is left out; returns one line per such baseline.
    """
    lines: list[str] = []
    for kinds in KINDS_OF_SCORES:
        name = scores_name(split, *kinds)
        tables = [pd.read_csv(p, dtype=str, keep_default_na=False) for place in places if (p := place / name).is_file()]
        if not tables:
            continue
        rows, lost = together(tables, baselines=kinds[-1:] == (BASELINES,))
        lines += [f"{name}: without '{shown}', which not every fold could make" for shown in lost]
        with written(out / name) as partial:
            rows.to_csv(partial, index=False)
    return lines


def average_scores(saved: SavedModel, places: Sequence[Path], out: Path, split: Split) -> None:
    """Writes the mean of what the folders `places` say of a split into `out`: of the logits of each row that all have,
    with the `spread` (standard deviation) of its scores. They are of models that answer as `saved` does; baselines are
    those of the first."""
    for level, kinds in LEVELS.items():
        name, head = scores_name(split, *kinds), lone_head(saved, level)
        files = [place / name for place in places]
        if not all(file.is_file() for file in files):
            continue
        tables = [_by_row(pd.read_csv(file, dtype=str, keep_default_na=False)) for file in files]
        shared = tables[0].index[np.all([tables[0].index.isin(other.index) for other in tables], axis=0)]
        scores = [table.loc[shared, "score"].to_numpy(float) for table in tables]
        # All findings of a study (or slice) stand one after another, in the order of the model.
        wide, groups = (len(shared) // len(saved.facts.findings), -1), head[1] if head is not None else ()
        mean = np.mean([logits_of(values.reshape(wide), groups) for values in scores], axis=0)
        values = {"score": probabilities_of(mean, groups).ravel(), SPREAD: np.std(scores, axis=0, ddof=1)}
        texts = {column: [f"{value:.7g}" for value in numbers] for column, numbers in values.items()}
        with written(out / name) as partial:
            tables[0].loc[shared].assign(**texts).to_csv(partial, index=False)
        baselines = scores_name(split, *kinds, BASELINES)
        if (places[0] / baselines).is_file():
            copy_file(places[0] / baselines, out / baselines)


def _by_row(table: pd.DataFrame) -> pd.DataFrame:
    """The rows under what tells them apart; the images of several modalities may share their numbers."""
    keys = [key for key in ("study_id", "shown", "finding", SLICE) if key in table]
    return table.set_index([*(table[key] for key in keys), table.groupby(keys).cumcount()])


def together(tables: Sequence[pd.DataFrame], *, baselines: bool) -> tuple[pd.DataFrame, list[str]]:
    """The rows of several tables, by what was shown and by study; and the names of `baselines` that are left out, for
    not every table has them."""
    rows, lost = pd.concat(tables, ignore_index=True), []
    if "shown" not in rows:
        return rows, lost
    names = list(dict.fromkeys(rows["shown"]))
    if baselines:
        everywhere = set.intersection(*(set(table["shown"]) for table in tables))
        lost = [shown for shown in names if shown not in everywhere]
        rows = rows.loc[~rows["shown"].isin(lost)].reset_index(drop=True)
    rows["shown"] = pd.Categorical(rows["shown"], [name for name in names if name not in lost], ordered=True)
    return rows.sort_values(["shown", "study_id"], kind="stable"), lost
