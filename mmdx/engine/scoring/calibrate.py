"""The heads of a model are calibrated by scores of studies that models like it have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.special import expit, softmax

from mmdx.engine.assembly.saved import SavedModel
from mmdx.files import SLICE, SLICES, scores_name, written
from mmdx.models.heads.base import FindingsHead, Level
from mmdx.models.heads.calibration import Calibration
from mmdx.stats.metrics.calibration import log_odds
from mmdx.stats.metrics.scaling import fit_scaling
from mmdx.study import Split

LEVELS: Mapping[Level, tuple[str, ...]] = {"study": (), "slice": (SLICES,)}
"""The levels whose scores are calibrated, with the ending of their files."""


def calibrate(saved: SavedModel, predictions: Path, split: Split) -> dict[str, Calibration]:
    """The calibration of each head, by its name, from the scores of a split with everything shown.

    Each patient counts once, however many rows it has. Where a level has several heads, whose rows no file tells
    apart, they stay as they are.
    """
    calibrations = {}
    for level, kinds in LEVELS.items():
        path, head = predictions / scores_name(split, *kinds), lone_head(saved, level)
        if head is None or not path.is_file():
            continue
        name, groups = head
        rows = _wide(pd.read_csv(path, dtype={"study_id": str, "patient_id": str}), saved.facts.findings)
        counts = rows.groupby("patient_id")["patient_id"].transform("count").to_numpy(float)
        logits = logits_of(rows["score"].to_numpy(float), groups)
        scale, shift = fit_scaling(logits, rows["label"].to_numpy(float), 1 / counts, groups)
        calibrations[name] = Calibration(torch.from_numpy(scale), torch.from_numpy(shift))
    return calibrations


def rescale(saved: SavedModel, predictions: Path, split: Split, calibrations: Mapping[str, Calibration]) -> None:
    """Writes the files of a split anew, with the scores that calibrated heads would have given."""
    for level, kinds in LEVELS.items():
        path, head = predictions / scores_name(split, *kinds), lone_head(saved, level)
        if head is None or head[0] not in calibrations or not path.is_file():
            continue
        name, groups = head
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        findings, calibration = list(saved.facts.findings), calibrations[name]
        # All findings of a study (or slice) stand one after another, in the order of the model.
        scores = table["score"].to_numpy(float).reshape(-1, len(findings))
        with torch.no_grad():
            scaled = calibration(torch.from_numpy(logits_of(scores, groups)).float()).numpy()
        answers = probabilities_of(scaled, groups)
        table["score"] = [f"{score:.7g}" for score in answers.ravel()]
        with written(path) as partial:
            table.to_csv(partial, index=False)


def lone_head(saved: SavedModel, level: Level) -> tuple[str, Sequence[Sequence[int]]] | None:
    """The one head of a level, with the columns of findings that exclude each other; None where there is not one."""
    heads = saved.model.heads_of(level)
    if len(heads) != 1:
        return None
    name, head = next(iter(heads.items()))
    return (name, head.criterion.exclusive) if isinstance(head, FindingsHead) else None


def _wide(table: pd.DataFrame, findings: Sequence[str]) -> pd.DataFrame:
    """The rows with everything shown, one per study (or slice), with columns `label` and `score` by finding."""
    shown = table.loc[table["shown"] == table["shown"].iloc[0]]
    keys = ["study_id", "patient_id", *([SLICE] if SLICE in shown else [])]
    wide = shown.pivot(index=keys, columns="finding", values=["label", "score"])
    ordered = wide.reindex(columns=pd.MultiIndex.from_product([["label", "score"], list(findings)]))
    return ordered.reset_index(level="patient_id")


def logits_of(scores: Float[np.ndarray, "n f"], groups: Sequence[Sequence[int]]) -> Float[np.ndarray, "n f"]:
    """Logits that would give these probabilities; of classes that exclude each other up to a common shift."""
    logits = log_odds(scores)
    for columns in groups:
        logits[:, list(columns)] = np.log(np.clip(scores[:, list(columns)], 1e-6, 1))
    return logits


def probabilities_of(logits: Float[np.ndarray, "n f"], groups: Sequence[Sequence[int]]) -> Float[np.ndarray, "n f"]:
    """What logits say; classes of a group exclude each other."""
    answers = expit(logits)
    for columns in groups:
        answers[:, list(columns)] = softmax(logits[:, list(columns)], axis=1)
    return answers
