"""The studies that several models were scored on, side by side, so that they can be compared.

An *arm* is one run and what it was shown. All arms of a cohort stand on the same rows (studies, slices of studies, or
patients) with the same patients and labels; anything else is refused, by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from mmdx.errors import DataError, UsageError
from mmdx.files import SLICE
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.align import Rows, by_patient
from mmdx.stats.cohort.choices import Choices, Piece, Scored
from mmdx.stats.cohort.origins import Origin, read_origins
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.cohort.primary import operating_point_of, primary_of
from mmdx.stats.cohort.sources import Inputs, Source, Unit, find_sources
from mmdx.stats.metrics.folds import comparable, same_folds
from mmdx.stats.metrics.registry import PRIMARY, Metric

Folding = Literal["none", "same", "different"]


@dataclass(frozen=True)
class Arm:
    """One run and what it was shown. `name` tells it from the other arms; `source` is the file that was read.

    A `baseline` needs no deep model and is named by what it learned from; `seeds` counts the trainings of the same
    config whose mean the arm is; `folds` the models of a cross-validation, each of which scored its own fold, of the
    first training.
    """

    name: str
    run: str
    shown: str
    source: str
    kind: Literal["model", "baseline"] = "model"
    seeds: int = 1
    folds: int = 1


@dataclass(frozen=True)
class Cohort:
    """Rows, their labels and every arm's scores. Labels are NaN where unknown, and scores there mean nothing.

    `patients` numbers the patient of each row from 0, without gaps; `unit` says what a row is, `names` which: a study
    or patient by its id, a slice as `ID slice 3`. `scored` holds the trainings of each arm. `traits` has one line per
    row, the facts of its study, and no columns where no run left any. `primary` is the metric by which arms are judged,
    `primary_finding` the finding (None: the macro mean). `origins` says where the runs come from, as far as they tell.
    `operating_point` was stated for decisions, and `prevalence` is the share of patients with the finding where the
    models are meant to be used (None: not stated).
    """

    arms: tuple[Arm, ...]
    unit: Unit
    studies: int
    findings: tuple[str, ...]
    names: tuple[str, ...]
    patients: Int[np.ndarray, "n"]
    labels: Float[np.ndarray, "n f"]
    scored: tuple[tuple[Scored, ...], ...]
    traits: pd.DataFrame
    primary: Metric = PRIMARY
    primary_finding: str | None = None
    origins: tuple[Origin, ...] = ()
    operating_point: OperatingPoint | None = None
    prevalence: float | None = None

    @property
    def reader(self) -> str | None:
        """The reader of the data set that the rows are of; None where no run says it."""
        return next((origin.scored for origin in self.origins if origin.scored is not None), None)

    @property
    def scores(self) -> Float[np.ndarray, "a n f"]:
        """The scores of the first training of each arm, for pictures and tables of single rows."""
        return np.stack([trainings[0].scores for trainings in self.scored])

    @property
    def thresholds(self) -> Float[np.ndarray, "a n f"]:
        """The thresholds of the first training of each arm."""
        return np.stack([trainings[0].thresholds for trainings in self.scored])

    @property
    def temperatures(self) -> Float[np.ndarray, "a n f"]:
        """The temperatures of the first training of each arm."""
        return np.stack([trainings[0].temperatures for trainings in self.scored])

    def compares(self, finding: int) -> bool:
        """Whether a positive and a negative row of a finding share a model that scored them, in every training."""
        folds = [training.folds for trainings in self.scored for training in trainings]
        return all(comparable(self.labels[:, finding], of_training) for of_training in folds)

    def folds_without_threshold(self, arm: int, columns: Sequence[int]) -> str | None:
        """That validation chose no threshold for some findings in some folds of an arm; None where in all or none."""
        for training in self.scored[arm]:
            missing = np.isnan(training.thresholds[:, columns]).any(axis=1)
            if training.folds is not None and missing.any() and not missing.all():
                count, total = (len(np.unique(folds)) for folds in (training.folds[missing], training.folds))
                return f"no threshold in {count} of {total} folds: too few validation rows of both classes there"
        return None

    @property
    def folding(self) -> Folding:
        """Whether the trainings of the arms have folds: `none`, all the `same`, or else `different` ones."""
        folds = [training.folds for trainings in self.scored for training in trainings]
        if all(of_training is None for of_training in folds):
            return "none"
        return "same" if all(same_folds(folds[0], of_training) for of_training in folds) else "different"

    @property
    def models(self) -> list[int]:
        """The numbers of the arms that are no baselines, the reference first."""
        return [number for number, arm in enumerate(self.arms) if arm.kind == "model"]


def read_cohort(
    inputs: Inputs,
    *,
    split: str = "test",
    unit: Unit | None = None,
    configs: Sequence[str] | None = None,
    fullest: Collection[str] = (),
    primary: str | None = None,
    operating_point: OperatingPoint | None = None,
) -> Cohort:
    """The cohort of run folders (their `predictions/<split>.csv`), prediction files or tables, every `shown` an arm.

    The arms of each source stand in the order of how many modalities they were shown, the fullest first; after all of
    them, baselines that lie beside the files. `unit` says what a row is: a study, a slice (of run folders), or a
    patient with the highest score and label of its rows; None takes what the files hold. `configs` names the config of
    each source: sources of one config are its trainings and share their arms. Of the configs in `fullest`, only what
    was shown the most is an arm. `primary` is the primary finding, `operating_point` the stated one (None: those that
    the configs of the runs name).

    Raises `UsageError` for no source or the same one twice, for a primary finding or an operating point on which the
    runs disagree, and for a finding that was not scored, and `DataError` where a file is bad, two arms differ in
    rows or labels, or a run was trained or chosen on these patients.
    """
    sources = find_sources(inputs, split=split, unit=unit)
    stated = {"primary": primary, "operating_point": operating_point}
    return read_sources(sources, unit=unit, configs=configs, fullest=fullest, **stated)


def read_sources(
    sources: Sequence[Source],
    *,
    unit: Unit | None = None,
    configs: Sequence[str] | None = None,
    fullest: Collection[str] = (),
    primary: str | None = None,
    operating_point: OperatingPoint | None = None,
) -> Cohort:
    """The cohort of sources that `find_sources` made; else as `read_cohort`."""
    names = list(configs or [source.name for source in sources])
    if len(names) != len(sources):
        raise UsageError(f"{len(names)} configs for {len(sources)} sources; name the config of each")
    pieces = [_pieces(source, source.file, source.read(), unit) for source in sources]
    taken = [showings[:1] if name in fullest else showings for name, showings in zip(names, pieces, strict=True)]
    arms = _named(taken, names)
    models, baselines = {arm.name for arm in arms}, dict[str, Piece]()
    for source in sources:
        path = source.baselines
        for piece in _pieces(source, path, read_predictions(path), unit) if path else []:
            baselines.setdefault(piece.shown, piece)  # of several runs, that of the first
    for shown, piece in baselines.items():
        name = f"{shown} (baseline)" if shown in models else shown
        arms[Arm(name, piece.source.name, shown, str(piece.file), "baseline", folds=piece.folds)] = [piece]
    return _aligned(arms, sources, unit, (primary, operating_point_of(sources, operating_point)))


def _pieces(source: Source, file: Path, frame: pd.DataFrame, unit: Unit | None) -> list[Piece]:
    if unit in ("study", "slice") and (SLICE in frame.columns) != (unit == "slice"):
        held = "slices" if SLICE in frame.columns else "studies"
        raise DataError(f"{file}: scores {held}; give files that score each {unit}, or leave the level out")
    frame = by_patient(frame) if unit == "patient" else frame
    shown = sorted(frame["shown"].unique(), key=lambda text: -len(text.split("+")))
    return [Piece(source, file, showing, frame.loc[frame["shown"] == showing]) for showing in shown]


def _named(pieces: Sequence[Sequence[Piece]], names: Sequence[str]) -> dict[Arm, list[Piece]]:
    """The arms and their trainings, one list of showings per source and the config of each source as `names`.

    Arms of a single config are named by what they were shown; arms of several by their config, with what was shown
    where a config has several showings.
    """
    grouped: dict[str, dict[str, list[Piece]]] = {}
    for name, of_source in zip(names, pieces, strict=True):
        for piece in of_source:
            grouped.setdefault(name, {}).setdefault(piece.shown, []).append(piece)
    arms = {}
    for name, by_shown in grouped.items():
        for shown, trainings in by_shown.items():
            if len(trainings) != names.count(name):
                raise DataError(
                    f"{name}: {len(trainings)} of its {names.count(name)} trainings were shown '{shown}'; score all of "
                    "them alike"
                )
            title = shown if len(grouped) == 1 else name if len(by_shown) == 1 else f"{name}: {shown}"
            file, folds = str(trainings[0].file), trainings[0].folds
            arms[Arm(title, name, shown, file, seeds=len(trainings), folds=folds)] = trainings
    return arms


def _aligned(
    arms: Mapping[Arm, Sequence[Piece]],
    sources: Sequence[Source],
    unit: Unit | None,
    stated: tuple[str | None, OperatingPoint | None],
) -> Cohort:
    """All arms on the rows and findings of the first one. `stated` are the primary finding, where somebody states it,
    and the operating point."""
    (leader, (first, *_)) = next(iter(arms.items()))
    rows = Rows.of(first.frame, first.file)
    for arm, pieces in arms.items():
        for piece in [piece for piece in pieces if piece is not first]:
            rows.check(piece.frame, piece.file, (_called(arm, piece), _called(leader, first)))
    for source in sources:
        source.check_unseen(rows.patients.tolist())
    by = "patient_id" if unit == "patient" else "study_id"
    traits = (source.traits(rows.studies, by=by) for source in sources)
    folds, (primary, point) = {source.file: source.folds_of(rows.studies, by=by) for source in sources}, stated
    choices = Choices(rows, unit, folds, point)
    return Cohort(
        arms=tuple(arms),
        unit="patient" if unit == "patient" else "slice" if rows.slices else "study",
        studies=len(set(rows.studies)),
        findings=rows.findings,
        names=tuple(rows.names),
        patients=np.unique(rows.patients, return_inverse=True)[1],
        labels=rows.labels,
        scored=tuple(tuple(map(choices.scored, pieces)) for pieces in arms.values()),
        traits=next((table for table in traits if not table.empty), pd.DataFrame()),
        primary_finding=primary_of(sources, rows.findings, primary),
        origins=read_origins(sources),
        operating_point=point,
    )


def _called(arm: Arm, piece: Piece) -> str:
    return arm.name if arm.seeds == 1 else f"{arm.name} ({piece.source.name})"
