"""The files of a run folder as plain values, each asked for by the key under which a reader finds it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from huggingface_hub import DatasetCard

from mmdx.files import BASELINES, EVALUATION, PREDICTIONS, SLICES, ModelLayout, RunLayout
from mmdx.registry import READERS
from mmdx.schema import Config
from mmdx.strangers.bounded import parse_json, parse_log_line, read_text, regular
from mmdx.yaml_text import parse_yaml

_LAYOUT = RunLayout(Path())
_FACTS, _AUDIT = (path.as_posix() for path in (ModelLayout(_LAYOUT.best).facts, _LAYOUT.audit))
_OF_ONE_FOLD = (_FACTS, _AUDIT, _LAYOUT.log.name, _LAYOUT.final.name)
"""What a cross-validation does not have, but each of its folds."""
_OF_TRAINING = (*(path.name for path in (_LAYOUT.config, _LAYOUT.log, _LAYOUT.final, _LAYOUT.audit)), _FACTS)
"""What an evaluation on a second cohort does not have, but the run that was evaluated."""
_PIPELINES = {"images": "image-classification", "text": "text-classification", "tabular": "tabular-classification"}


class Cell(NamedTuple):
    """What a file says, and where: `12.3 %`, `environment.json: store.quarantined`."""

    text: str
    key: str

    def __str__(self) -> str:
        return f"{self.text} ({self.key})"


@dataclass(frozen=True)
class RunFiles:
    """What training and scoring left in `folder`, and what `mmdx compare` left in `compared`; a file that is not there
    says nothing. Of a cross-validation, what only a fold has is the first fold's; of an evaluation on a second cohort,
    what only a training has is that of the run that was evaluated, where it lies where it lay."""

    folder: Path
    compared: Path

    def value(self, name: str, key: str) -> Any:
        """The value under a dotted key of a file, None where there is none."""
        value = self._content.get(name)
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    @cached_property
    def evaluated(self) -> Path | None:
        """The run that was evaluated on a second cohort; None of a run itself."""
        record = _read(RunLayout(self.folder).predictions / EVALUATION) or {}
        return Path(str(record.get("run"))) if "trained" in record else None

    @cached_property
    def external(self) -> dict[str, RunFiles]:
        """The evaluations of the run on second cohorts that lie in it, by the name of their folder."""
        records = sorted(RunLayout(self.folder).external.glob(f"*/{PREDICTIONS}/{EVALUATION}"))
        return {
            path.parent.parent.name: RunFiles(path.parent.parent, path.parent.parent / "compare") for path in records
        }

    @property
    def primary(self) -> str | None:
        """The primary finding: of what was scored, else of the config."""
        scored = self.value(_LAYOUT.metrics.name, "primary_finding")
        return scored or self.value(_LAYOUT.config.name, "data.primary")

    @property
    def folds(self) -> bool:
        return RunLayout(self.folder).folds.is_file()

    @cached_property
    def parts(self) -> list[tuple[str, str]]:
        """The split of each study, or its fold, and its patient."""
        path, column = (_LAYOUT.folds, "fold") if self.folds else (_LAYOUT.splits, "split")
        table = self.table(path.name)
        return list(zip(table.get(column, []), table.get("patient_id", []), strict=True))

    @property
    def part_key(self) -> str:
        return f"{_LAYOUT.folds.name}: fold" if self.folds else f"{_LAYOUT.splits.name}: split"

    @cached_property
    def studies(self) -> dict[str, list[str]]:
        """The facts of `studies.csv`, by column."""
        return dict(list(self.table(_LAYOUT.studies.name).items())[3:])

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        path = self._place(_LAYOUT.log.name)
        lines = read_text(path).splitlines() if path.is_file() else []
        return [parse_log_line(line, str(path)) for line in lines if line]

    @property
    def scores(self) -> str:
        """The file of test scores: of studies, or of slices where the model answers for no studies."""
        names = [_LAYOUT.scores("test", *kinds).as_posix() for kinds in ((), (SLICES,))]
        return next((name for name in names if (self.folder / name).is_file()), names[0])

    @property
    def baseline_scores(self) -> str:
        """The file of baselines for the rows of `scores`."""
        return f"{self.scores.removesuffix('.csv')}{BASELINES}.csv"

    def baselines(self) -> list[str]:
        """The names of the baselines that were scored."""
        return list(dict.fromkeys(self.table(self.baseline_scores).get("shown", [])))

    def table(self, name: str) -> dict[str, list[str]]:
        """The columns of a CSV, every cell as text; none where it is not there."""
        path = self.folder / name
        if not path.is_file():
            return {}
        table = pd.read_csv(regular(path), dtype=str, keep_default_na=False)
        return {str(column): table[column].tolist() for column in table}

    def estimates(self, *, finding: bool, model: bool = True) -> Sequence[Mapping[str, Any]]:
        """Those of `metrics.json`: of the fullest showing, macro means, or each `finding`; else of the others."""
        metrics = _LAYOUT.metrics.name
        reference = self.value(metrics, "reference")
        return [
            estimate
            for estimate in self.value(metrics, "estimates") or []
            if (estimate["arm"] == reference) == model and (estimate["finding"] is not None) == finding
        ]

    @cached_property
    def _content(self) -> dict[str, Any]:
        names = [path.name for path in (_LAYOUT.config, _LAYOUT.environment, _LAYOUT.metrics, _LAYOUT.final)]
        content = {name: _read(self._place(name)) for name in (*names, _FACTS, _AUDIT)}
        store = (content[_LAYOUT.environment.name] or {}).get("store", {}).get("folder")
        content["dataset.json"] = _read(Path(store) / "dataset.json") if store else None
        content["compare.json"] = _read(self.compared / "compare.json")
        return content

    def _place(self, name: str) -> Path:
        """Where a file lies: of a cross-validation, what only folds have is taken from the first, and what only models
        have from the first member of an ensemble."""
        folder, path = self.folder, self.folder / name
        if not path.exists() and self.folds and name in _OF_ONE_FOLD:
            folder = RunLayout(folder).fold(0).folder
            path = folder / name
        if not path.exists() and self.evaluated is not None and name in _OF_TRAINING:
            return RunFiles(self.evaluated, self.evaluated)._place(name)
        if not path.exists() and name == _FACTS:
            return ModelLayout(RunLayout(folder).best).member(0).facts
        return path


def licence_of_store(folder: Path) -> str | None:
    """What the card of a store says of the licence of its data, where it still lies there and knows one."""
    path = folder / "card.md"
    licence = DatasetCard(read_text(path)).data.to_dict().get("license") if path.is_file() else None
    return licence if isinstance(licence, str) and licence != "other" else None


def pipeline_of(kinds: Collection[str]) -> str | None:
    """What the Hub calls a model of inputs of these kinds; None where it has no word for it."""
    return _PIPELINES.get(next(iter(kinds))) if len(kinds) == 1 else None


def hub_data_set(config: Config) -> str | None:
    """The data set of the Hub that a model was trained on; None where it is from elsewhere."""
    reader, source = config.data.reader, config.data.source
    if reader is None or source is None or reader.type != "huggingface" or not READERS.options(reader)["hub"]:
        return None
    return source.as_posix()


def dropout_words(rates: float | Mapping[str, float]) -> str:
    """Modality dropout in words: `0.3`, or `image 0.2, report 0.5`."""
    return ", ".join(f"{k} {rate:g}" for k, rate in rates.items()) if isinstance(rates, Mapping) else f"{rates:g}"


def _read(path: Path) -> Any:
    if not path.is_file():
        return None
    text = read_text(path)
    return parse_yaml(text, str(path)) if path.suffix == ".yaml" else parse_json(text, str(path))
