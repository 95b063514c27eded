"""Doubtful labels of a run: those that the scores of models which had not learned from them contradict.

Nothing is changed: a list for a reader to look at, and how many labels are expected to be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import expit, logit

from mmdx.errors import UsageError, did_you_mean
from mmdx.files import SLICE, SLICES, RunLayout
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.cohort.primary import primary_of
from mmdx.stats.cohort.sources import Source
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.confident import expected_flips, marked
from mmdx.stats.metrics.scaling import fit_scaling
from mmdx.stats.resampling.intervals import Estimate, why_too_few
from mmdx.strangers.bounded import read_json

RESAMPLES, DRAWS = 400, 200
"""Resamples of patients, and draws of labels that are all right."""
COLUMNS = (
    "rank",
    "level",
    "study_id",
    "patient_id",
    SLICE,
    "finding",
    "label",
    "score",
    "confidence",
    "marked",
    "audit",
)


@dataclass(frozen=True)
class Count:
    """How many of `labels` labels of a finding, of so many `patients`, are doubtful, at the level of studies or slices.

    `wrong` is how many are expected to be wrong, `absent` of them labelled absent that are present, `present` the
    others. `marked` are named by confident learning. `by_chance` is how many it would expect to be wrong where all
    labels were right and the scores meant what they say: mean, and 95 % of the draws.
    """

    level: str
    finding: str
    labels: int
    patients: int
    wrong: Estimate
    absent: Estimate
    present: Estimate
    marked: int
    by_chance: tuple[float, float, float]

    @property
    def beyond(self) -> bool:
        """Whether more labels are expected to be wrong than chance would have it."""
        return self.wrong.low is not None and self.wrong.low > self.by_chance[2]


@dataclass(frozen=True, eq=False)
class DoubtfulLabels:
    """What `mmdx doubtful` finds: `counts` by level and finding, the primary finding first, and `rows`, one per label
    (`COLUMNS`), the most doubtful first within a level: all that are marked, and at least `top` of each level.

    `how` says whose scores these are, `files` where they were read by level, `shown` what the models were shown,
    `skipped` which findings have too few labels, and why.
    """

    run: Path
    how: str
    counts: tuple[Count, ...]
    rows: pd.DataFrame
    top: int
    files: Mapping[str, Path]
    shown: str
    skipped: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """The rows, as `doubtful.csv` has them."""
        return self.rows


def find_doubtful(run: Path, *, finding: str | None = None, top: int = 20, seed: int = 0) -> DoubtfulLabels:
    """The labels of a run that scores out of fold contradict (`docs/doubtful.md`).

    `finding` asks of one alone, `top` is how many rows of each level are listed at least. Raises `UsageError` where no
    scores out of fold are there, for a finding that was not scored and a `top` below 1; `DataError` for a bad file.
    """
    if top < 1:
        raise UsageError(f"--top {top}: is no number of labels; give 1 or more")
    files, how = out_of_fold(RunLayout(run))
    counts, rows, skipped, shown = [], [], [], ""
    for level, path in files.items():
        table = read_predictions(path)
        shown = max(table["shown"].unique(), key=lambda name: len(name.split("+")))
        table = table.loc[(table["shown"] == shown) & table["label"].notna()]
        names = table["finding"].unique().tolist()
        primary = primary_of([Source(path, run, run.name)], names)
        names.sort(key=lambda name: name != primary)
        if finding is not None and finding not in names:
            raise UsageError(f"--finding {finding}: was not scored in {path}; {did_you_mean(finding, names)}")
        doubted = []
        for name in names if finding is None else [finding]:
            part = table.loc[table["finding"] == name].reset_index(drop=True)
            patients = np.unique(part["patient_id"], return_inverse=True)[1].ravel()
            few = why_too_few(part["label"].to_numpy(), patients)
            if few:
                skipped.append(f"{name} ({level}): {few}")
                continue
            part = part.assign(level=level, score=_calibrated(part, patients))
            counts.append(_count(part, patients, seed))
            doubted.append(_doubted(part))
        if doubted:
            rows.append(_listed(pd.concat(doubted, ignore_index=True), top))
    listed = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(COLUMNS))
    contradictory = _contradictory(RunLayout(run))
    names = [
        contradictory.get((study, name), "") for study, name in zip(listed["study_id"], listed["finding"], strict=True)
    ]
    listed = listed.assign(audit=names).reindex(columns=list(COLUMNS))
    return DoubtfulLabels(run, how, tuple(counts), listed, top, files, shown, tuple(skipped))


def out_of_fold(run: RunLayout) -> tuple[dict[str, Path], str]:
    """The files of scores by models that had not learned from the rows, by level (`study`, `slice`), and whose they are
    in words. Raises `UsageError` where there are none."""
    split = "test" if run.folds.is_file() else "val"
    how = (
        "Each study was scored by the model of its own fold, which had not learned from its patient."
        if run.folds.is_file()
        else "Scores are of predictions/val.csv, by models that had left these patients out; labels of test studies "
        "are not looked at, for correcting them by a model would flatter it."
    )
    if run.folds.is_file() or run.final.is_file():
        places = {"study": run.scores(split), "slice": run.scores(split, SLICES)}
        files = {level: path for level, path in places.items() if path.is_file()}
        if files:
            return files, how
    if not run.folder.is_dir() or not run.config.is_file():
        raise UsageError(f"{run.folder}: not a run folder (no {run.config.name})")
    raise UsageError(
        f"{run.folder}: has no scores out of fold, and a model believes the labels that it learned from; train with "
        "train.final=refit or with data.folds.count=5"
    )


def _calibrated(part: pd.DataFrame, patients: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """The scores with a scale and a shift that make them probabilities of these labels, each patient counting once."""
    odds = logit(np.clip(part["score"].to_numpy(), 1e-6, 1 - 1e-6))
    weights = 1 / np.bincount(patients)[patients]
    scale, shift = fit_scaling(odds[:, None], part["label"].to_numpy()[:, None], weights)
    return expit(scale[0] * odds + shift[0])


def _count(part: pd.DataFrame, patients: Int[np.ndarray, "n"], seed: int) -> Count:
    labels, scores = part["label"].to_numpy(), part["score"].to_numpy()
    resampler = Resampler(patients, None, RESAMPLES, seed).affordable(values=len(labels))

    def flips(weights: Int[np.ndarray, "r n"]) -> dict[str, Float[np.ndarray, "r"]]:
        found = expected_flips(labels, scores, weights)
        return {"wrong": found.both, "absent": found.absent, "present": found.present}

    drawn = {name: one.estimate for name, one in resampler.values(flips).items()}
    generator = np.random.default_rng(seed)
    chance = [
        float(expected_flips((generator.random(len(scores)) < scores).astype(np.float64), scores).both[0])
        for _ in range(DRAWS)
    ]
    low, high = np.nanpercentile(chance, [2.5, 97.5])
    by_chance = (float(np.nanmean(chance)), float(low), float(high))
    ground = (str(part["level"].iloc[0]), str(part["finding"].iloc[0]), len(labels), int(patients.max()) + 1)
    return Count(*ground, **drawn, marked=int(marked(labels, scores).sum()), by_chance=by_chance)


def _doubted(part: pd.DataFrame) -> pd.DataFrame:
    labels, scores = part["label"].to_numpy(), part["score"].to_numpy()
    confidence = np.where(labels == 1, scores, 1 - scores)
    place = part[SLICE].astype(str) if SLICE in part else ""
    return part.assign(confidence=confidence, marked=marked(labels, scores), **{SLICE: place})


def _listed(doubted: pd.DataFrame, top: int) -> pd.DataFrame:
    """The least believed first; ties as they stand."""
    ordered = doubted.sort_values("confidence", kind="stable", ignore_index=True)
    ordered = ordered.loc[ordered["marked"] | (ordered.index < top)].reset_index(drop=True)
    return ordered.assign(rank=ordered.index + 1, label=ordered["label"].astype(int))


def _contradictory(run: RunLayout) -> dict[tuple[str, str], str]:
    """The labels of studies that the audit of the run's store found to contradict those of their images."""
    path = next((layout.audit for layout in (run, run.fold(0)) if layout.audit.is_file()), None)
    issues: list[dict[str, Any]] = read_json(path).get("findings", []) if path is not None else []
    return {
        (study, finding): issue["kind"]
        for issue in issues
        if issue["kind"] == "contradictory labels"
        for finding, studies in issue["figures"].items()
        for study in studies
    }
