"""Which files a comparison reads: predictions, and what lies beside them in a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mmdx.errors import DataError, UsageError, reason, some
from mmdx.files import BASELINES, EVALUATION, PREDICTIONS, SLICES, RunLayout, scores_name
from mmdx.stats.cohort.predictions import check_table, read_predictions, read_text
from mmdx.strangers.bounded import read_json

_AUDIT_AGAIN = "audit the store again"

Unit = Literal["study", "slice", "patient"]
By = Literal["study_id", "patient_id"]
SPLITS = ("train", "val", "test")
Inputs = Sequence[Path | str | pd.DataFrame] | Mapping[str, Path | str | pd.DataFrame]
"""What can be compared: run folders, prediction files and tables, in a list or by name. A `str` is a path."""


@dataclass(frozen=True, eq=False)
class Source:
    """A prediction file, the run folder that it lies in (None outside of one), and the name of its run.

    A source may be a `table` in memory; then `file` is what errors call it, such as `table 2`. `shown` is what a table
    without such a column was shown.
    """

    file: Path
    folder: Path | None
    name: str
    table: pd.DataFrame | None = None
    shown: str | None = None

    def read(self) -> pd.DataFrame:
        """The predictions, checked (`read_predictions`). Raises `DataError` at the first fault."""
        if self.table is None:
            return read_predictions(self.file, shown=self.shown or self.name)
        return check_table(self.table, str(self.file), shown=self.shown)

    @property
    def split(self) -> str:
        """The split that the file says it is of; any other name is taken for one of test predictions."""
        word = self.file.stem.partition("_")[0]
        return word if self.table is None and word in SPLITS else "test"

    @property
    def baselines(self) -> Path | None:
        """The predictions of baselines for the same rows, where there are any."""
        path = self.file.with_name(f"{self.file.stem}{BASELINES}.csv")
        return path if self.table is None and path.is_file() else None

    @property
    def audit(self) -> Path | None:
        """The audit of the store and split of the run."""
        if self.folder is None:
            return None
        run = RunLayout(self.folder)
        return next((layout.audit for layout in (run, run.fold(0)) if layout.audit.is_file()), None)

    @cached_property
    def evaluation(self) -> Mapping[str, Any] | None:
        """What an evaluation left beside a file that lies outside of its run; None where there is no such record."""
        path = self.file.with_name(EVALUATION)
        if self.table is not None or not path.is_file():
            return None
        content = read_json(path, "evaluate the run again")
        return content if isinstance(content, Mapping) else {}

    @property
    def of_second_cohort(self) -> bool:
        """Whether the rows are of another cohort than the run was trained and validated on."""
        return "trained" in (self.evaluation or {})

    def validation(self, file: Path) -> dict[int | None, Path]:
        """Files of validation rows for one of test rows: by fold in a cross-validation, else under None.

        Empty for a table, where there are none, or where the rows are no test rows: what they chose would be judged on
        themselves.
        """
        name = file.name
        if self.table is not None or not name.startswith("test"):
            return {}
        wanted = f"val{name.removeprefix('test')}"
        folds = sorted(self.folder.glob(f"fold-*/{PREDICTIONS}")) if self.folder and self._folds.is_file() else []
        by_fold = {int(place.parent.name.removeprefix("fold-")): place / wanted for place in folds}
        places: dict[int | None, Path] = {**by_fold} if by_fold else {None: file.with_name(wanted)}
        return places if all(place.is_file() for place in places.values()) else {}

    def folds_of(self, rows: Sequence[str], *, by: By = "study_id") -> list[int | None]:
        """The fold of each study or patient; None throughout where the run is no cross-validation."""
        if self.folder is None or not self._folds.is_file():
            return [None] * len(rows)
        table = read_text(self._folds, (by, "fold"))
        fold = dict(zip(table[by], table["fold"], strict=True))
        missing = [row for row in dict.fromkeys(rows) if row not in fold]
        if missing:
            raise DataError(f"{self._folds}: has no fold for {some(missing)}; evaluate the run again")
        return [int(fold[row]) for row in rows]

    def check_unseen(self, patients: Sequence[str]) -> None:
        """Raises `DataError` where the run was trained or chosen on a patient of the rows, by its `splits.csv`."""
        path = RunLayout(self.folder).splits if self.folder else None
        if path is None or not path.is_file():
            return
        table = read_text(path, ("study_id", "patient_id", "split"))
        other = table.loc[table["patient_id"].isin(patients) & (table["split"] != self.split)]
        if len(other):
            named = some([f"'{patient}'" for patient in other["patient_id"].unique()])
            splits = " and ".join(f"'{split}'" for split in sorted(other["split"].unique()))
            raise DataError(
                f"{self.file}: patients {named} of its rows are in the {splits} split of {path}, which the run was "
                f"trained or chosen on; score it on patients that are new to it"
            )

    def traits(self, rows: Sequence[str], *, by: By = "study_id") -> pd.DataFrame:
        """The facts in `studies.csv`, one line per row: of the study, or of the first study of the patient.

        A column that holds only numbers is one of numbers; a missing fact is None. Empty where the run has no such
        file.
        """
        path = RunLayout(self.folder).studies if self.folder else None
        if path is None or not path.is_file():
            return pd.DataFrame()
        table = read_text(path, ("study_id", "patient_id")).drop_duplicates(by).set_index(by)
        facts = table.reindex(list(rows)).drop(columns=["study_id", "patient_id", "split", "fold"], errors="ignore")
        return pd.DataFrame({name: _typed(column) for name, column in facts.items()}, index=range(len(rows)))

    @property
    def _folds(self) -> Path:
        return RunLayout(self.folder or Path()).folds


def find_sources(inputs: Inputs, *, split: str, unit: Unit | None) -> list[Source]:
    """The sources of run folders, prediction files and tables of predictions.

    Of a run folder it is `predictions/<split>.csv`, or `<split>_slices.csv` where `unit` is `slice`; also where it is
    None or `patient` and the model answers for no studies. A folder that `mmdx evaluate --out` left has these files
    itself. Sources of a mapping have its keys for names, and a table
    without a column `shown` was shown what its key says.

    Raises `UsageError` for no input or the same one twice, and `DataError` where a file is missing.
    """
    if not len(inputs):
        raise UsageError("nothing to compare; give a run folder, a prediction file or a table of predictions")
    things = paths_and_tables(inputs)
    keys: Sequence[str | None] = list(inputs) if isinstance(inputs, Mapping) else [None] * len(things)
    runs = [thing for thing in things if isinstance(thing, Path)]
    paths = [_file(run, split, unit) for run in runs]
    for index, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:index]]:
            raise UsageError(f"{runs[index]}: given twice; name each run once")
    of_runs = iter(zip(paths, run_names(runs), strict=True))
    sources = []
    for number, (key, thing) in enumerate(zip(keys, things, strict=True), start=1):
        if isinstance(thing, Path):
            path, name = next(of_runs)
            folder = path.parent.parent if path.parent.name == PREDICTIONS else None
            sources.append(Source(path, folder, key or name))
        else:
            origin = f"table '{key}'" if key else f"table {number}"
            sources.append(Source(Path(origin), None, key or origin, thing, key))
    return sources


def paths_and_tables(inputs: Inputs) -> list[Path | pd.DataFrame]:
    """The inputs in their order; a `str` becomes the path that it is."""
    things = inputs.values() if isinstance(inputs, Mapping) else inputs
    return [Path(thing) if isinstance(thing, str) else thing for thing in things]


def with_repeats(inputs: Inputs) -> tuple[Inputs, tuple[str, ...] | None]:
    """The inputs with all deals of every cross-validation that was repeated, and the config of each, by which the deals
    of one are its trainings; the inputs as they are, and None, where none was."""
    things = paths_and_tables(inputs)
    runs = [thing for thing in things if isinstance(thing, Path)]
    if not any(RunLayout(run).repeats() for run in runs):
        return inputs, None
    of_runs = iter(run_names(runs))
    keys = list(inputs) if isinstance(inputs, Mapping) else [None] * len(things)
    pairs: list[tuple[Path | pd.DataFrame, str]] = []
    for number, (key, thing) in enumerate(zip(keys, things, strict=True), start=1):
        name = next(of_runs) if isinstance(thing, Path) else f"table {number}"
        pairs += [(each, key or name) for each in every_deal(thing)]
    return tuple(thing for thing, _ in pairs), tuple(name for _, name in pairs)


def every_deal(thing: Path | pd.DataFrame) -> list[Path | pd.DataFrame]:
    """A run folder with the further deals of its folds, where it has any; anything else by itself."""
    return [thing, *(repeat.folder for repeat in RunLayout(thing).repeats())] if isinstance(thing, Path) else [thing]


def paths_and_names(inputs: Inputs) -> list[Path | str]:
    """What is compared as it was given: paths, and what errors call a table without its key: `ours`, `2`."""
    keys = list(inputs) if isinstance(inputs, Mapping) else [str(number) for number in range(1, len(inputs) + 1)]
    pairs = zip(keys, paths_and_tables(inputs), strict=True)
    return [thing if isinstance(thing, Path) else key for key, thing in pairs]


def run_names(runs: Sequence[Path]) -> list[str]:
    """The last part of each path without `.csv`, or as many parts as tell all the paths apart.

    A file in the `predictions` of a run is called by the run, where that tells them apart.
    """
    paths = [run.resolve() for run in runs]
    parts = [(path.with_suffix("") if path.is_file() else path).parts for path in paths]
    by_run = [part[:-2] if len(part) > 2 and part[-2] == PREDICTIONS else part for part in parts]
    parts = by_run if len(set(by_run)) == len(parts) else parts
    for depth in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def read_verdicts(sources: Sequence[Source]) -> dict[str, str]:
    """The verdict of each run's audit on its store and split, by the name of the run; where there is an audit."""
    verdicts = {}
    for source in sources:
        if source.audit is not None:
            try:
                verdicts[source.name] = str(read_json(source.audit, _AUDIT_AGAIN)["verdict"])
            except (KeyError, TypeError) as error:
                raise DataError(f"{source.audit}: is no audit ({reason(error)}); {_AUDIT_AGAIN}") from None
    return verdicts


def _file(source: Path, split: str, unit: Unit | None) -> Path:
    if not source.exists():
        raise DataError(f"{source}: no such run folder or prediction file")
    if not source.is_dir():
        return source
    home = source / PREDICTIONS if (source / PREDICTIONS).is_dir() else source
    studies, slices = (home / scores_name(split, *kinds) for kinds in ((), (SLICES,)))
    if unit == "slice" and not slices.is_file():
        raise DataError(f"{source}: no predictions/{slices.name}; only a model with a slice head scores slices")
    if unit == "slice" or studies.is_file():
        return slices if unit == "slice" else studies
    if not slices.is_file():
        raise DataError(f"{source}: no predictions/{studies.name}; run 'mmdx evaluate {source} --split {split}' first")
    if unit == "study":
        raise DataError(f"{source}: its model answers for slices alone (predictions/{slices.name}); give --level slice")
    return slices


def _typed(column: pd.Series) -> pd.Series:
    words = [None if cell is None or cell != cell or cell == "" else str(cell) for cell in column]
    numbers = np.asarray(pd.to_numeric(pd.Series(words, dtype=object), errors="coerce"), dtype=np.float64)
    present = [word for word in words if word is not None]
    if present and int(np.isfinite(numbers).sum()) == len(present):
        return pd.Series(numbers)
    return pd.Series(words, dtype=object)
