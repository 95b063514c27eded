"""The prediction files of several models, each of other studies, become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mmdx.files import BASELINES, BOXES, BOXES_TRUTH, SLICES, scores_name, written
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


def without_partial(rows: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """`rows` without what is shown in some of `tables` alone, and the names of that."""
    everywhere = set.intersection(*(set(table["shown"]) for table in tables))
    lost = [shown for shown in dict.fromkeys(rows["shown"]) if shown not in everywhere]
    return rows.loc[~rows["shown"].isin(lost)].reset_index(drop=True), lost
