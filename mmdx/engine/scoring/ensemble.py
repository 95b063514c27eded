"""What the members of an ensemble say of the same rows, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.boxes import box_head, merged_boxes
from mmdx.files import SLICE, SPREAD
from mmdx.models.heads.base import Level
from mmdx.models.heads.mean import answer_together

LOGIT = "logit"
"""The column of a logit as its head gave it, which no file holds."""
BoxFrames = tuple[pd.DataFrame, pd.DataFrame]


def mean_rows(saved: SavedModel, level: Level, by_member: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all members of a model as one table, without the column `LOGIT`: the score is what the mean of their
    calibrated logits means, and of an ensemble `spread` is the standard deviation of their own scores.

    Tables have one row per study (or image) and finding, in one order, that of the findings innermost.
    """
    table = by_member[0]
    if len(by_member) == 1 or table.empty:
        return table.drop(columns=LOGIT)
    keys = ["study_id", "finding", *([SLICE] if SLICE in table else [])]
    if not all(rows[keys].equals(table[keys]) for rows in by_member):
        raise ValueError("members of an ensemble answered for other rows")
    heads = [next(iter(member.model.heads_of(level).values())) for member in saved.members]
    device = next(saved.model.parameters()).device
    shape = (-1, len(saved.facts.findings))
    logits = [torch.from_numpy(rows[LOGIT].to_numpy(np.float32).reshape(shape)).to(device) for rows in by_member]
    answer = answer_together(heads, logits)
    columns: dict[str, Any] = {"score": answer.probabilities.flatten().tolist()}
    if answer.spread is not None:
        columns[SPREAD] = answer.spread.flatten().tolist()
    return table.assign(**columns).drop(columns=LOGIT)


def mean_boxes(saved: SavedModel, by_member: Sequence[BoxFrames]) -> BoxFrames:
    """The boxes that all members of a model found, as `merged_boxes` joins them, and their truth."""
    boxes, truth = by_member[0]
    named = box_head(saved.model)
    if len(by_member) == 1 or named is None:
        return boxes, truth
    found = [
        [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")] for frame, _ in by_member
    ]
    merged = merged_boxes(found, named[1])
    joined = pd.DataFrame(merged, columns=boxes.columns).astype(boxes.dtypes)
    by = ["study_id", SLICE, "finding", "score"]
    joined = joined.sort_values(by, ascending=[True, True, True, False], kind="stable", ignore_index=True)
    return joined, truth
