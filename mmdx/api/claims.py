"""From predictions to a claim, and to labels that may be wrong; nothing here needs torch or a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from mmdx.api.run import Run
from mmdx.engine.reporting.comparison import with_pictures
from mmdx.errors import UsageError
from mmdx.stats.cohort.primary import parse_operating_point
from mmdx.stats.doubtful import DoubtfulLabels, find_doubtful
from mmdx.stats.evidence import Evidence, Stated, gather
from mmdx.stats.power import Power, plan_power

Source = str | Path | Run | pd.DataFrame


def compare(
    *sources: Source | Mapping[str, pd.DataFrame],
    split: Literal["train", "val", "test"] = "test",
    level: Literal["study", "slice", "patient"] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    intervals: Literal["percentile", "bca"] = "percentile",
    margin: float | None = None,
    primary: str | None = None,
    operating_point: str | Mapping[str, float] | None = None,
    prevalence: float | None = None,
) -> Evidence:
    """Compares what models say of the same studies: paired, by patient, with intervals and corrected p-values.

    A source is a run, a run folder, a prediction file, the folder of an ablation, or a table (`DataFrame`) with the
    columns `study_id, patient_id, shown, finding, label, score`: no run folder is needed. One mapping of a name to a
    table gives each table its name, and the column `shown` may then be left out. The first source is the reference.
    `level` is what is scored, as the sources have it by default; `margin` tests that the others are at most so much
    worse than the first. `primary` is the finding that everything leads with, by default the one that the runs' configs
    name (`data.primary`), else the macro mean. `operating_point`, such as `{"sensitivity": 0.95}`, is where scores
    become yes or no, by default that of the runs' configs (`data.operating_point`); `prevalence` the share of patients
    with a finding where the models would be used. Raises `DataError` where sources do not stand on the same rows and
    labels.
    """
    point = None if operating_point is None else parse_operating_point(operating_point)
    stated = Stated(primary, margin, intervals, point, prevalence)
    if len(sources) == 1 and isinstance(sources[0], Mapping):
        tables: Mapping[str, pd.DataFrame] = sources[0]
        return gather(tables, split=split, unit=level, resamples=resamples, seed=seed, stated=stated)
    places = _places("compare", sources)
    evidence = gather(places, split=split, unit=level, resamples=resamples, seed=seed, stated=stated)
    return with_pictures(evidence)


def power(
    *sources: Source | Mapping[str, pd.DataFrame],
    difference: float | None = None,
    finding: str | None = None,
    split: Literal["train", "val", "test"] = "test",
    seed: int = 0,
) -> Power:
    """How many patients show with a power of 0.8 that the first model and each other one differ in AUROC.

    Sources are those of `compare`. `difference` is how much better the first is to be, by default as much as it was
    seen to differ; `finding` what the study is about, by default the primary one. Cohorts are drawn from the scored
    patients (`docs/decisions.md`). Raises `UsageError` where there is one model, no finding, or no such difference.
    """
    first = sources[0] if len(sources) == 1 else None
    places = first if isinstance(first, Mapping) else _places("power", sources)
    return plan_power(places, difference=difference, finding=finding, split=split, seed=seed)


def _places(verb: str, sources: Sequence[Source | Mapping[str, pd.DataFrame]]) -> list[Path | pd.DataFrame]:
    """Folders, files and tables. Raises `UsageError` for a mapping of tables among others."""
    places: list[Path | pd.DataFrame] = []
    for source in sources:
        if isinstance(source, Mapping):
            raise UsageError(f"{verb}: a mapping of names to tables stands alone; put all tables into one")
        places.append(source.folder if isinstance(source, Run) else Path(source) if isinstance(source, str) else source)
    return places


def doubtful(run: str | Path | Run, *, finding: str | None = None, top: int = 20, seed: int = 0) -> DoubtfulLabels:
    """The labels of a run that scores of models which had not learned from them contradict, for a reader to look at.

    Confident learning on scores out of fold: `counts` say how many labels are expected to be wrong, `frame()` has the
    list, the most doubtful first, at least `top` of studies and of slices. `finding` asks of one alone. Nothing is
    changed (`docs/doubtful.md`). Raises `UsageError` where the run has no scores out of fold.
    """
    folder = run.folder if isinstance(run, Run) else Path(run)
    return find_doubtful(folder, finding=finding, top=top, seed=seed)
