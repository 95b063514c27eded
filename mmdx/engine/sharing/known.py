"""What the run of a model tells of it, in numbers that name no patient, and what of the run may never leave it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from mmdx.config_file import read_config
from mmdx.engine.runs.files import RunFiles, hub_data_set
from mmdx.engine.runs.folder import is_model_folder
from mmdx.engine.runs.record import read_members
from mmdx.engine.sharing.clean import Counts
from mmdx.errors import DataError
from mmdx.files import RunLayout
from mmdx.stats.cohort.choices import thresholds_for
from mmdx.strangers.bounded import read_json, read_text, regular
from mmdx.study import Split

SHORTEST = 5
"""Characters that an identifier has at least, for it to be looked for: shorter ones stand in any text."""
_SPLITS: tuple[str, ...] = get_args(Split)
_HEADER = 8
"""Bytes at the start of a file of safetensors that say how long its header is."""


@dataclass(frozen=True)
class Result:
    """What a test split says of one showing: of a finding, or of all (None), its AUROC with its interval of 95 %, None
    where too few patients tell."""

    shown: str
    finding: str | None
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class KnownRun:
    """A run folder, as far as a stranger may know it."""

    run: RunLayout

    @classmethod
    def of(cls, folder: Path) -> KnownRun | None:
        """The run in a folder; None for a model folder alone."""
        run = RunLayout(folder)
        return cls(run) if is_model_folder(run.best) else None

    def parts(self) -> dict[str, tuple[int, int]]:
        """How many studies and patients each split has, or each fold."""
        patients: dict[str, list[str]] = defaultdict(list)
        files = RunFiles(self.run.folder, self.run.folder)
        for part, patient in files.parts:
            patients[f"fold {part}" if files.folds else part].append(patient)
        ordered = sorted(patients, key=lambda part: (_SPLITS.index(part) if part in _SPLITS else len(_SPLITS), part))
        return {part: (len(patients[part]), len(set(patients[part]))) for part in ordered}

    def results(self) -> list[Result]:
        """The AUROC of each showing for what leads, then of the fullest showing for each finding."""
        metrics = read_json(self.run.metrics) if self.run.metrics.is_file() else {}
        models = [arm["name"] for arm in metrics.get("arms", []) if arm["kind"] == "model"]
        rows = [row for row in metrics.get("estimates", []) if row["metric"] == "auroc" and row["arm"] in models]
        leads = [row for row in rows if row["finding"] == metrics["primary_finding"]]
        rest = [row for row in rows if row["arm"] == metrics["reference"] and row not in leads]
        return [_result(row) for row in [*leads, *rest] if row["value"] is not None]

    def thresholds(self, shown: str, findings: Sequence[str]) -> dict[str, float]:
        """The threshold of each finding that validation studies choose where a study is `shown` so."""
        path = self.run.scores("val")
        return thresholds_for(path, shown, findings) if path.is_file() else {}

    def data_set(self) -> str | None:
        """The data set of the Hub that it was trained and tested on, where it is one."""
        return hub_data_set(read_config(self.run.config))

    def trait_patients(self) -> Counts | None:
        """How many patients have each word of a trait; None where the run has no table of traits."""
        if not self.run.studies.is_file():
            return None
        table = pd.read_csv(regular(self.run.studies), dtype=str, keep_default_na=False)
        counts: dict[str, dict[str, int]] = {}
        for trait in table.columns[3:]:
            patients: dict[str, set[str]] = defaultdict(set)
            for cell, patient in zip(table[trait].tolist(), table["patient_id"].tolist(), strict=True):
                patients[" ".join(cell.split()).casefold()].add(patient)
            counts[str(trait)] = {word: len(own) for word, own in patients.items()}
        return counts

    def private(self) -> tuple[set[str], set[str]]:
        """What may stand in no file that is given away: identifiers of studies and patients, and paths."""
        ids: set[str] = set()
        for path in (self.run.splits, self.run.folds, self.run.studies):
            if path.is_file():
                table = pd.read_csv(regular(path), dtype=str, keep_default_na=False)
                ids |= {cell for column in ("study_id", "patient_id") if column in table for cell in table[column]}
        return {name for name in ids if _tells(name)}, set(self._paths())

    def _paths(self) -> Iterator[str]:
        yield str(self.run.folder.resolve())
        data = read_config(self.run.config).data
        known: list[Any] = [data.store, data.source, data.pseudonym_key]
        for member in read_members(self.run):
            known += [member["run"], member["store"]["folder"]]
        for place in known:
            if place is not None and (data_path := Path(place)).is_absolute():
                yield str(data_path)


def check_private(folder: Path, names: Sequence[str], known: KnownRun | None) -> None:
    """Raises `DataError` where a file to be given away holds an identifier of the run, or a path of this machine.

    Of weights the header is looked at: their numbers are no text.
    """
    ids, paths = known.private() if known is not None else (set(), set())
    paths = {path for path in (*paths, str(Path.home()), str(Path.cwd())) if len(path) >= SHORTEST}
    problems = []
    for name in names:
        text = _text_of(folder / name)
        words = set(re.findall(r"[^\s\"',;:()\[\]{}<>|`]+", text))
        if found := len(words & ids) + sum(identifier in text for identifier in ids if " " in identifier):
            problems.append(f"{name}: holds {found} identifiers of the run's studies or patients; it is not shared")
        if any(path in text for path in paths):
            problems.append(f"{name}: holds a path of this machine; it is not shared")
    if problems:
        raise DataError(problems)


def _tells(name: str) -> bool:
    """Whether an identifier can be told from the words and numbers of any text."""
    if name.isdecimal():
        return len(name) >= SHORTEST + 2
    return len(name) >= SHORTEST and any(letter.isdecimal() for letter in name)


def _text_of(path: Path) -> str:
    if path.suffix != ".safetensors":
        text = read_text(path)
        return text if path.suffix != ".json" else f"{text}\n{json.dumps(json.loads(text), ensure_ascii=False)}"
    with regular(path).open("rb") as file:
        length = int.from_bytes(file.read(_HEADER), "little")
        return file.read(length).decode("utf-8", "replace")


def _result(row: dict[str, Any]) -> Result:
    return Result(row["arm"], row["finding"], row["value"], row["low"], row["high"])
