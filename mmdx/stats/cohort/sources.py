"""Which files a comparison stands on: predictions, and what lies beside them in a run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mmdx.errors import DataError, UsageError, some
from mmdx.stats.cohort.predictions import read_text

Unit = Literal["study", "slice", "patient"]
By = Literal["study_id", "patient_id"]
SLICES, BASELINES = "_slices", "_baselines"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    """A prediction file, the run folder that it lies in (None outside of one), and the name of its run."""

    file: Path
    folder: Path | None
    name: str

    @property
    def split(self) -> str:
        """The split that the file says it is of; any other name is taken for one of test predictions."""
        word = self.file.stem.partition("_")[0]
        return word if word in SPLITS else "test"

    @property
    def baselines(self) -> Path:
        """Where predictions of baselines for the same rows lie, if they were made."""
        return self.file.with_name(f"{self.file.stem}{BASELINES}.csv")

    @property
    def audit(self) -> Path | None:
        """What the audit said of the store and split of the run."""
        folders = [self.folder, self.folder / "fold-0"] if self.folder else []
        return next((folder / "audit.json" for folder in folders if (folder / "audit.json").is_file()), None)

    def validation(self, file: Path) -> dict[int | None, Path]:
        """Files of validation rows for one of test rows: by fold in a cross-validation, else under None.

        Empty where there are none, or where the rows are no test rows: what they chose would be judged on themselves.
        """
        name = file.name
        if not name.startswith("test"):
            return {}
        wanted = f"val{name.removeprefix('test')}"
        folds = sorted(self.folder.glob("fold-*/predictions")) if self.folder and self._folds.is_file() else []
        found = {int(place.parent.name.removeprefix("fold-")): place / wanted for place in folds}
        places: dict[int | None, Path] = {**found} if found else {None: file.with_name(wanted)}
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
        path = self.folder / "splits.csv" if self.folder else None
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
        """The facts of each study, or of the first study of each patient, a line each, from `studies.csv`: numbers
        where a column holds nothing else, None where nothing is known. Empty where the run left no such file."""
        path = self.folder / "studies.csv" if self.folder else None
        if path is None or not path.is_file():
            return pd.DataFrame()
        table = read_text(path, ("study_id", "patient_id")).drop_duplicates(by).set_index(by)
        facts = table.reindex(list(rows)).drop(columns=["study_id", "patient_id", "split", "fold"], errors="ignore")
        return pd.DataFrame({name: _typed(column) for name, column in facts.items()}, index=range(len(rows)))

    @property
    def _folds(self) -> Path:
        return (self.folder or Path()) / "folds.csv"


def find_sources(given: Sequence[Path], *, split: str, level: Unit | None) -> list[Source]:
    """The sources of run folders or prediction files.

    Of a run folder it is `predictions/<split>.csv`, or `<split>_slices.csv` at that level, and at none and at that of
    patients where the model answers for no studies.

    Raises `UsageError` where none or the same one twice is given, and `DataError` where a file is not there.
    """
    paths = [_file(each, split, level) for each in given]
    if not paths:
        raise UsageError("nothing to compare; give a run folder or a prediction file")
    for index, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:index]]:
            raise UsageError(f"{given[index]}: given twice; name each run once")
    folders = [path.parent.parent if path.parent.name == "predictions" else None for path in paths]
    return [Source(*each) for each in zip(paths, folders, run_names(given), strict=True)]


def run_names(given: Sequence[Path]) -> list[str]:
    """The last part of each path without `.csv`, or as many parts as tell all the paths apart.

    A file in the `predictions` of a run is called by the run, where that tells them apart.
    """
    paths = [source.resolve() for source in given]
    parts = [(path.with_suffix("") if path.is_file() else path).parts for path in paths]
    by_run = [part[:-2] if len(part) > 2 and part[-2] == "predictions" else part for part in parts]
    parts = by_run if len(set(by_run)) == len(parts) else parts
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def read_verdicts(sources: Sequence[Source]) -> dict[str, str]:
    """What the audit of each run says of its store and split, by the name of the run; where one was made."""
    verdicts = {}
    for source in sources:
        if source.audit is not None:
            try:
                verdicts[source.name] = str(json.loads(source.audit.read_text(encoding="utf-8"))["verdict"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{source.audit}: is no audit ({error}); audit the store again") from None
    return verdicts


def _file(source: Path, split: str, level: Unit | None) -> Path:
    if not source.exists():
        raise DataError(f"{source}: no such run folder or prediction file")
    if not source.is_dir():
        return source
    studies, slices = (source / "predictions" / f"{split}{end}.csv" for end in ("", SLICES))
    if level == "slice" and not slices.is_file():
        raise DataError(f"{source}: no predictions/{slices.name}; only a model with a slice head scores slices")
    if level == "slice" or studies.is_file():
        return slices if level == "slice" else studies
    if not slices.is_file():
        raise DataError(f"{source}: no predictions/{studies.name}; run 'mmdx evaluate {source} --split {split}' first")
    if level == "study":
        raise DataError(f"{source}: its model answers for slices alone (predictions/{slices.name}); give --level slice")
    return slices


def _typed(column: pd.Series) -> pd.Series:
    words = [None if cell is None or cell != cell or cell == "" else str(cell) for cell in column]
    numbers = np.asarray(pd.to_numeric(pd.Series(words, dtype=object), errors="coerce"), dtype=np.float64)
    told = [word for word in words if word is not None]
    if told and int(np.isfinite(numbers).sum()) == len(told):
        return pd.Series(numbers)
    return pd.Series(words, dtype=object)
