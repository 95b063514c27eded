"""The studies that several models were scored on, side by side: the ground on which they may be compared.

An *arm* is one run and what it was shown. All arms of a cohort stand on the same rows (studies, or slices of studies)
with the same patients and labels; anything else is refused, by name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from mmdx.errors import DataError, UsageError
from mmdx.stats.predictions import SLICE, read_predictions

Unit = Literal["study", "slice", "patient"]


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
    facts of its study, no columns where nothing is known of them.
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


def read_cohort(sources: Sequence[Path], *, split: str = "test") -> Cohort:
    """The cohort of some run folders (their `predictions/<split>.csv`) or prediction files, every `shown` an arm.

    The arms of each source stand in the order of how many modalities they were shown, the fullest first. Raises
    `UsageError` where no source or the same one twice is given, and `DataError` where a file is bad or two arms do not
    stand on the same rows and labels.
    """
    paths = [_file(source, split) for source in sources]
    if not paths:
        raise UsageError("nothing to compare; give a run folder or a prediction file")
    for index, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:index]]:
            raise UsageError(f"{sources[index]}: given twice; name each run once")
    arms: list[tuple[Arm, pd.DataFrame]] = []
    for run, path in zip(_run_names(sources), paths, strict=True):
        frame = read_predictions(path)
        shown = sorted(frame["shown"].unique(), key=lambda text: -len(text.split("+")))
        arms += [(Arm("", run, each, str(path)), frame.loc[frame["shown"] == each]) for each in shown]
    return _align(_named([arm for arm, _ in arms]), [frame for _, frame in arms])


def read_verdicts(sources: Sequence[Path]) -> dict[str, str]:
    """What the audit of each run folder says of its store and split, by the name of the run; where one was made."""
    verdicts = {}
    for source, run in zip(sources, _run_names(sources), strict=True):
        for folder in (source, source / "fold-0"):
            path = folder / "audit.json"
            if path.is_file():
                try:
                    verdicts[run] = str(json.loads(path.read_text(encoding="utf-8"))["verdict"])
                except (OSError, ValueError, KeyError, TypeError) as error:
                    raise DataError(f"{path}: is no audit ({error}); audit the store again") from None
                break
    return verdicts


def _file(source: Path, split: str) -> Path:
    if source.is_dir():
        path = source / "predictions" / f"{split}.csv"
        if not path.is_file():
            raise DataError(f"{source}: no predictions/{split}.csv; run 'mmdx evaluate {source} --split {split}' first")
        return path
    if not source.exists():
        raise DataError(f"{source}: no such run folder or prediction file")
    return source


def _run_names(sources: Sequence[Path]) -> list[str]:
    """The last part of each path without `.csv`, or as many parts as tell all the paths apart.

    A file in the `predictions` of a run is called by the run, where that tells them apart.
    """
    paths = [source.resolve() for source in sources]
    parts = [(path.with_suffix("") if path.is_file() else path).parts for path in paths]
    by_run = [part[:-2] if len(part) > 2 and part[-2] == "predictions" else part for part in parts]
    parts = by_run if len(set(by_run)) == len(parts) else parts
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _named(arms: Sequence[Arm]) -> list[Arm]:
    """What was shown names the arms of one run; the run names those of several, with what was shown where it must."""
    runs = [arm.run for arm in arms]

    def name(arm: Arm) -> str:
        if len(set(runs)) == 1:
            return arm.shown
        return arm.run if runs.count(arm.run) == 1 else f"{arm.run}: {arm.shown}"

    return [Arm(name(arm), arm.run, arm.shown, arm.source) for arm in arms]


def _align(arms: Sequence[Arm], frames: Sequence[pd.DataFrame]) -> Cohort:
    """All arms on the rows and findings of the first."""
    first = frames[0]
    for arm, frame in zip(arms, frames, strict=True):
        if (SLICE in frame.columns) != (SLICE in first.columns):
            raise DataError(
                f"{arm.source} and {arms[0].source}: one scores slices, the other studies; compare like with like"
            )
    rows = _keys(first).unique()
    findings = tuple(first["finding"].unique())
    patients = _patients(first, rows)
    labels = _grid(first, "label", rows, findings)
    for arm, frame in zip(arms[1:], frames[1:], strict=True):
        pair = f"'{arm.name}' and '{arms[0].name}'"
        _same(pair, "findings", set(frame["finding"]), set(findings))
        _same(pair, "slices" if SLICE in first.columns else "studies", set(_keys(frame).unique()), set(rows))
        _same_patients(pair, _patients(frame, rows), patients, rows)
        _same_labels(pair, _grid(frame, "label", rows, findings), labels, rows, findings)
    return Cohort(
        arms=tuple(arms),
        unit="slice" if SLICE in first.columns else "study",
        studies=len(first["study_id"].unique()),
        findings=findings,
        names=tuple(map(_text_of, rows)),
        patients=np.unique(patients, return_inverse=True)[1],
        labels=labels,
        scored=tuple((_scored(_grid(frame, "score", rows, findings)),) for frame in frames),
        traits=pd.DataFrame(index=range(len(rows))),
    )


def _scored(scores: Float[np.ndarray, "n f"]) -> Scored:
    unknown = np.full_like(scores, np.nan)
    return Scored(scores, unknown, unknown)


def _text_of(key: str | tuple[str, str]) -> str:
    return key if isinstance(key, str) else f"{key[0]} slice {key[1]}"


def _keys(frame: pd.DataFrame) -> pd.Index:
    """What tells the row of each line: the study, and the slice in slice files."""
    if SLICE in frame.columns:
        return pd.MultiIndex.from_frame(frame.loc[:, ["study_id", SLICE]])
    return pd.Index(frame["study_id"])


def _patients(frame: pd.DataFrame, rows: pd.Index) -> np.ndarray:
    patients = np.empty(len(rows), dtype=object)
    patients[rows.get_indexer(_keys(frame))] = frame["patient_id"].to_numpy(dtype=object)
    return patients


def _grid(frame: pd.DataFrame, column: str, rows: pd.Index, findings: Sequence[str]) -> Float[np.ndarray, "n f"]:
    """A column as rows by findings, NaN where the file has no line."""
    grid = np.full((len(rows), len(findings)), np.nan)
    grid[rows.get_indexer(_keys(frame)), pd.Index(findings).get_indexer(pd.Index(frame["finding"]))] = frame[column]
    return grid


def _same(pair: str, what: str, found: set, expected: set) -> None:
    odd = sorted(found ^ expected)
    if odd:
        verb = "is" if len(odd) == 1 else "are"
        raise DataError(
            f"{pair} do not stand on the same {what}: {len(odd)} {verb} in one of them only, the first {_text(odd[0])} "
            f"({len(found)} against {len(expected)}); score them on the same ones"
        )


def _same_patients(pair: str, found: np.ndarray, expected: np.ndarray, rows: pd.Index) -> None:
    differ = np.flatnonzero(found != expected)
    if len(differ):
        at, count = differ[0], "1 row" if len(differ) == 1 else f"{len(differ)} rows"
        raise DataError(
            f"{pair} give {count} to different patients, the first {_text(rows.tolist()[at])}: '{found[at]}' against "
            f"'{expected[at]}'; score them on the same studies"
        )


def _same_labels(
    pair: str,
    found: Float[np.ndarray, "n f"],
    expected: Float[np.ndarray, "n f"],
    rows: pd.Index,
    findings: Sequence[str],
) -> None:
    differ = np.argwhere((found != expected) & ~(np.isnan(found) & np.isnan(expected)))
    if len(differ):
        row, column = differ[0]
        ours, theirs = ("unknown" if np.isnan(x[row, column]) else f"{x[row, column]:g}" for x in (found, expected))
        raise DataError(
            f"{pair} disagree on {len(differ)} label{'' if len(differ) == 1 else 's'}, the first {findings[column]} of "
            f"{_text(rows.tolist()[row])}: {ours} against {theirs}; score them against the same labels"
        )


def _text(key: str | tuple[str, str]) -> str:
    return f"'{key}'" if isinstance(key, str) else f"'{key[0]}' slice '{key[1]}'"
