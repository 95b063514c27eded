"""Where the scores of a comparison come from: the data set, the training and the version behind each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmdx.errors import DataError
from mmdx.files import EVALUATION, RunLayout
from mmdx.sections import Provenance, ReportOptions
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.cohort.sources import Source
from mmdx.strangers.bounded import MOST_OF_CONFIG, read_json
from mmdx.strangers.bounded import read_text as text_of
from mmdx.study import text_fact
from mmdx.yaml_text import parse_yaml

_OTHERWISE = "restore it, or compare the prediction files alone"


@dataclass(frozen=True)
class DataSet:
    """The `reader` of a data set, its `source` (the last part of the path) and the name of the folder of its `store`;
    None where nobody says."""

    reader: str | None = None
    source: str | None = None
    store: str | None = None


@dataclass(frozen=True)
class Origin:
    """What a run says of itself, each None where it does not: `reader` and `store` (the name of its folder) of its data
    set, `source` as its config names it (the last part of the path), how many `studies` of how many `patients` it
    learned from, the day on which it began and the `version` of mmdx.

    Of a cross-validation the studies are those of all folds, each of which learned from the others. `second` is the
    data set that was scored, where it is another than that of the training. `circular` are texts that the run reads and
    from which labels were made, by name, with what of them, and `before` texts that were known before the images.
    """

    run: str
    reader: str | None = None
    source: str | None = None
    store: str | None = None
    studies: int | None = None
    patients: int | None = None
    folds: int | None = None
    date: str | None = None
    version: str | None = None
    second: DataSet | None = None
    circular: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()

    @property
    def scored(self) -> str | None:
        """The reader of the data set that was scored."""
        return self.reader if self.second is None else self.second.reader


def read_origins(sources: Sequence[Source]) -> tuple[Origin, ...]:
    """The origin of each source that lies in a run folder which says what it stands on, in their order; of an
    evaluation on a second cohort that which lies beside its predictions."""
    origins = []
    for source in sources:
        if source.of_second_cohort:
            origins.append(_recorded(source))
        elif source.folder is not None and RunLayout(source.folder).environment.is_file():
            origins.append(origin_of(source.name, RunLayout(source.folder)))
    return tuple(origins)


def _recorded(source: Source) -> Origin:
    record = source.evaluation or {}
    try:
        return Origin(**{**record["trained"], "run": source.name, "second": DataSet(**record["second"])})
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{source.file.with_name(EVALUATION)}: does not say what was scored ({error}); evaluate the run again"
        ) from None


def origin_of(name: str, run: RunLayout) -> Origin:
    """The origin of the training in a run folder, which errors and pages call `name`."""
    environment = _json(run.environment)
    store = environment.get("store") or {}
    folder = store.get("folder")
    config = parse_yaml(text_of(run.config, most=MOST_OF_CONFIG), str(run.config)) if run.config.is_file() else {}
    data = config.get("data") if isinstance(config, Mapping) else None
    source = data.get("source") if isinstance(data, Mapping) else None
    circular, before = _provenance(run, data if isinstance(data, Mapping) else {})
    return Origin(
        name,
        store.get("reader"),
        Path(source).name if isinstance(source, str) else None,
        Path(folder).name if folder else None,
        *_trained_on(run),
        environment.get("date"),
        (environment.get("packages") or {}).get("mmdx"),
        circular=circular,
        before=before,
    )


def _provenance(run: RunLayout, data: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The texts of a run from which labels were made, with what of them, and those known before the images."""
    texts = _texts_of(run)
    try:
        stated = Provenance.model_validate(data.get("provenance") or {})
        reports = ReportOptions.model_validate(data.get("reports") or {})
    except ValidationError:
        raise DataError(
            f"{run.config}: data.provenance or data.reports is not as it was written; {_OTHERWISE}"
        ) from None
    made = {text: stated.made_labels(text, reports) for text in texts}
    before = tuple(text for text in made if stated.known_before(text, reports))
    return {text: what for text, what in made.items() if what is not None}, before


def _texts_of(run: RunLayout) -> list[str]:
    """The texts that a run reads, or of an ensemble that its studies have."""
    path = next((layout.texts for layout in (run, run.fold(0)) if layout.texts.is_file()), None)
    if path is not None:
        return list(_json(path))
    if not run.studies.is_file():
        return []
    columns, having = map(str, read_text(run.studies, ()).columns), text_fact("")
    return [name.removeprefix(having) for name in columns if name.startswith(having)]


def _trained_on(run: RunLayout) -> tuple[int | None, int | None, int | None]:
    """Studies, patients and folds of a training."""
    if run.folds.is_file():
        table = read_text(run.folds, ("study_id", "patient_id", "fold"))
        return len(table), table["patient_id"].nunique(), table["fold"].nunique()
    if run.splits.is_file():
        table = read_text(run.splits, ("study_id", "patient_id", "split"))
        table = table.loc[table["split"] == "train"]
        return len(table), table["patient_id"].nunique(), None
    return None, None, None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path, _OTHERWISE)
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {_OTHERWISE}") from None
    return content if isinstance(content, dict) else {}
