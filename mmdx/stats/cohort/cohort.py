"""The studies that several models were scored on, side by side: the ground on which they may be compared.

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
from mmdx.stats.cohort.align import Ground, by_patient
from mmdx.stats.cohort.choices import chosen, read_choices
from mmdx.stats.cohort.predictions import SLICE, read_predictions
from mmdx.stats.cohort.sources import Given, Source, Unit, find_sources
from mmdx.stats.metrics.registry import PRIMARY, Metric


@dataclass(frozen=True)
class Arm:
    """One run and what it was shown. `name` is what tells it from the other arms; `source` the file that was read.

    A `baseline` is an answer that asks for no deep model, named by what it stands on; `seeds` counts the trainings of
    the same config that the arm is the mean of.
    """

    name: str
    run: str
    shown: str
    source: str
    kind: Literal["model", "baseline"] = "model"
    seeds: int = 1


@dataclass(frozen=True)
class Scored:
    """What one training says of the rows, and what its validation rows chose for each of them; NaN without any.

    A score at or above its threshold is a yes (Youden's J); its log-odds divided by its temperature are calibrated.
    Rows of one fold share both, and those of one training.
    """

    scores: Float[np.ndarray, "n f"]
    thresholds: Float[np.ndarray, "n f"]
    temperatures: Float[np.ndarray, "n f"]


@dataclass(frozen=True)
class Cohort:
    """Rows, their labels and every arm's scores. Labels are NaN where unknown, and scores there mean nothing.

    `patients` numbers the patient of each row from 0, without gaps; `unit` says what a row is, `names` which: a study
    or patient by its id, a slice as `ID slice 3`. `scored` holds the trainings of each arm. `traits` has a line a row:
    facts of its study, no columns where nothing is known of them. `primary` is the metric by which arms are judged.
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

    @property
    def scores(self) -> Float[np.ndarray, "a n f"]:
        """By arm, those of its first training: what stands in pictures and tables of single rows."""
        return np.stack([each[0].scores for each in self.scored])

    @property
    def thresholds(self) -> Float[np.ndarray, "a n f"]:
        """By arm, those of its first training."""
        return np.stack([each[0].thresholds for each in self.scored])

    @property
    def temperatures(self) -> Float[np.ndarray, "a n f"]:
        """By arm, those of its first training."""
        return np.stack([each[0].temperatures for each in self.scored])

    @property
    def models(self) -> list[int]:
        """The numbers of the arms that are no baselines, the reference first."""
        return [number for number, arm in enumerate(self.arms) if arm.kind == "model"]


def read_cohort(
    given: Given,
    *,
    split: str = "test",
    level: Unit | None = None,
    groups: Sequence[str] | None = None,
    fullest: Collection[str] = (),
) -> Cohort:
    """The cohort of run folders (their `predictions/<split>.csv`), prediction files or tables, every `shown` an arm.

    The arms of each source stand in the order of how many modalities they were shown, the fullest first; after all of
    them, baselines that lie beside the files. `level` says what a row is: studies, the slices of run folders, or
    patients, each with the highest score and label of their rows; what the files hold when None. Sources of one name in
    `groups` are trainings of the same config, and share their arms; of the groups in `fullest`, only what was shown the
    most is an arm. Raises `UsageError` where no source or the same one twice is given, and `DataError` where a file is
    bad, two arms do not stand on the same rows and labels, or a run was trained or chosen on these patients.
    """
    sources = find_sources(given, split=split, level=level)
    return read_sources(sources, level=level, groups=groups, fullest=fullest)


def read_sources(
    sources: Sequence[Source],
    *,
    level: Unit | None = None,
    groups: Sequence[str] | None = None,
    fullest: Collection[str] = (),
) -> Cohort:
    """The cohort of sources that were found."""
    names = list(groups or [source.name for source in sources])
    if len(names) != len(sources):
        raise UsageError(f"{len(names)} groups for {len(sources)} sources; name the group of each")
    pieces = [_pieces(source, source.file, source.read(), level) for source in sources]
    arms = _named([own[:1] if name in fullest else own for name, own in zip(names, pieces, strict=True)], names)
    models, baselines = {arm.name for arm in arms}, dict[str, _Piece]()
    for source in sources:
        path = source.baselines
        for piece in _pieces(source, path, read_predictions(path), level) if path else []:
            baselines.setdefault(piece.shown, piece)  # of several runs, that of the first
    for shown, piece in baselines.items():
        name = f"{shown} (baseline)" if shown in models else shown
        arms[Arm(name, piece.source.name, shown, str(piece.file), "baseline")] = [piece]
    return _aligned(arms, sources, level)


@dataclass(frozen=True, eq=False)
class _Piece:
    """What one file says under one showing."""

    source: Source
    file: Path
    shown: str
    frame: pd.DataFrame


def _pieces(source: Source, file: Path, frame: pd.DataFrame, level: Unit | None) -> list[_Piece]:
    if level in ("study", "slice") and (SLICE in frame.columns) != (level == "slice"):
        held = "slices" if SLICE in frame.columns else "studies"
        raise DataError(f"{file}: scores {held}; give files that score each {level}, or leave the level out")
    frame = by_patient(frame) if level == "patient" else frame
    shown = sorted(frame["shown"].unique(), key=lambda text: -len(text.split("+")))
    return [_Piece(source, file, each, frame.loc[frame["shown"] == each]) for each in shown]


def _named(pieces: Sequence[Sequence[_Piece]], names: Sequence[str]) -> dict[Arm, list[_Piece]]:
    """The arms and their trainings. What was shown names the arms of one group; the group names those of several, with
    what was shown where it must."""
    grouped: dict[str, dict[str, list[_Piece]]] = {}
    for name, own in zip(names, pieces, strict=True):
        for piece in own:
            grouped.setdefault(name, {}).setdefault(piece.shown, []).append(piece)
    arms = {}
    for name, by_shown in grouped.items():
        for shown, trainings in by_shown.items():
            if len(trainings) != names.count(name):
                raise DataError(
                    f"{name}: {len(trainings)} of its {names.count(name)} trainings were shown '{shown}'; score all of "
                    "them alike"
                )
            told = shown if len(grouped) == 1 else name if len(by_shown) == 1 else f"{name}: {shown}"
            arms[Arm(told, name, shown, str(trainings[0].file), seeds=len(trainings))] = trainings
    return arms


def _aligned(arms: Mapping[Arm, Sequence[_Piece]], sources: Sequence[Source], level: Unit | None) -> Cohort:
    """All arms on the rows and findings of the first."""
    (leader, (first, *_)) = next(iter(arms.items()))
    ground = Ground.of(first.frame, first.file)
    for arm, pieces in arms.items():
        for piece in [piece for piece in pieces if piece is not first]:
            ground.check(piece.frame, piece.file, (_called(arm, piece), _called(leader, first)))
    for source in sources:
        source.check_unseen(ground.patients.tolist())
    by = "patient_id" if level == "patient" else "study_id"
    choices = _Choices(ground, level, {source.file: source.folds_of(ground.studies, by=by) for source in sources})
    return Cohort(
        arms=tuple(arms),
        unit="patient" if level == "patient" else "slice" if ground.slices else "study",
        studies=len(set(ground.studies)),
        findings=ground.findings,
        names=tuple(ground.names),
        patients=np.unique(ground.patients, return_inverse=True)[1],
        labels=ground.labels,
        scored=tuple(tuple(map(choices.scored, pieces)) for pieces in arms.values()),
        traits=next((told for s in sources if not (told := s.traits(ground.studies, by=by)).empty), pd.DataFrame()),
    )


def _called(arm: Arm, piece: _Piece) -> str:
    return arm.name if arm.seeds == 1 else f"{arm.name} ({piece.source.name})"


class _Choices:
    """What the validation rows of each file choose for the rows of the cohort; every file is read once."""

    def __init__(self, ground: Ground, level: Unit | None, folds: Mapping[Path, Sequence[int | None]]) -> None:
        self._ground, self._level, self._folds = ground, level, folds
        self._read: dict[Path, Mapping[int | None, pd.DataFrame]] = {}

    def scored(self, piece: _Piece) -> Scored:
        folds = self._folds[piece.source.file]
        if piece.file not in self._read:
            files = piece.source.validation(piece.file)
            frames = read_choices(files, self._ground.patients.tolist(), folds)
            self._read[piece.file] = {f: by_patient(x) if self._level == "patient" else x for f, x in frames.items()}
        picked = chosen(self._read[piece.file], piece.shown, self._ground.findings, folds)
        return Scored(self._ground.scores(piece.frame), *picked)
