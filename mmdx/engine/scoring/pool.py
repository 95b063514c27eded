"""The prediction files of several models, each of other studies, become one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from mmdx.files import BASELINES, BOXES, BOXES_TRUTH, SLICE, SLICES, SPREAD, scores_name, written
from mmdx.stats.metrics.calibration import log_odds
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
        rows = pd.concat(tables, ignore_index=True)
        if kinds[-1:] == (BASELINES,):
            rows, lost = without_partial(rows, tables)
            lines += [f"{name}: without '{shown}', which not every fold could make" for shown in lost]
        if "shown" in rows:
            rows["shown"] = pd.Categorical(rows["shown"], list(dict.fromkeys(rows["shown"])), ordered=True)
            rows = rows.sort_values(["shown", "study_id"], kind="stable")
        with written(out / name) as partial:
            rows.to_csv(partial, index=False)
    return lines


def average_scores(places: Sequence[Path], out: Path, split: Split) -> None:
    """Writes the mean of what the folders `places` say of a split into `out`: of the log-odds of each row that all
    have, with the `spread` (standard deviation) of its scores. Baselines are those of the first."""
    for kinds in ((), (SLICES,)):
        name = scores_name(split, *kinds)
        files = [place / name for place in places]
        if not all(file.is_file() for file in files):
            continue
        tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files]
        keys = [key for key in ("study_id", "shown", "finding", SLICE) if key in tables[0]]
        scores = [table.set_index(keys)["score"].astype(float) for table in tables]
        rows = tables[0].set_index(keys)
        shared = rows.index[[all(row in other.index for other in scores) for row in rows.index]]
        each = np.stack([other[shared].to_numpy() for other in scores])
        values = {"score": expit(log_odds(each).mean(axis=0)), SPREAD: each.std(axis=0, ddof=1)}
        texts = {column: [f"{value:.7g}" for value in column_values] for column, column_values in values.items()}
        with written(out / name) as partial:
            rows.loc[shared].assign(**texts).reset_index()[[*tables[0].columns, SPREAD]].to_csv(partial, index=False)
        baselines = scores_name(split, *kinds, BASELINES)
        if (places[0] / baselines).is_file():
            shutil.copyfile(places[0] / baselines, out / baselines)


def without_partial(rows: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """`rows` without what is shown in some of `tables` alone, and the names of that."""
    everywhere = set.intersection(*(set(table["shown"]) for table in tables))
    lost = [shown for shown in dict.fromkeys(rows["shown"]) if shown not in everywhere]
    return rows.loc[~rows["shown"].isin(lost)].reset_index(drop=True), lost
