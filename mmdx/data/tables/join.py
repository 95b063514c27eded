"""Labels, reports, patients and splits from a table, for studies that were found without it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from mmdx.data.tables.label_hints import label_hint, says_yes_or_no
from mmdx.data.tables.labels import label_columns, parse_label
from mmdx.data.tables.table_columns import ColumnUse, column_uses
from mmdx.data.tables.tables import Row, Table
from mmdx.data.tables.word_labels import WordLabels, word_labels
from mmdx.errors import DataError
from mmdx.study import SPLITS, UNKNOWN, Split, Study

log = logging.getLogger(__name__)

REPORT = "report"
_OWN_COLUMNS = ("patient_id", "split")


def join(
    studies: Sequence[Study],
    table: Table,
    *,
    keys: Mapping[str, Mapping[str, str]],
    report: str = REPORT,
    findings: tuple[str, ...] | None = None,
    words: Mapping[str, Any] | None = None,
) -> tuple[list[Study], list[Study]]:
    """The studies with what their rows say, and, for each row that fits none, a study that says so.

    `keys[column][study_id]` is what the study's row has in `column`; the first of these columns that the table has
    counts. `report` is the column of the modality "report"; `findings` the label columns (None: those of the others
    that `label_columns` finds), `words` those of labels in words, as `word_labels` has them. Columns `patient_id`
    and `split` count where they are there and filled. Raises `DataError` for a missing column, a cell that cannot
    be read, two rows of one study, two studies of one row.
    """
    key, labels, mapped = _columns(table, keys, report, findings, words or {})
    names = [*labels, *(name for column in mapped.values() for name in column.findings)]
    rows: dict[str, Row] = {}
    for row in table.rows:
        value = row.text(key)
        if not value:
            raise DataError(f"{row.at(key)}: is empty; every row needs its study")
        if value in rows:
            raise DataError(f"{row.at(key)}: stands in {_number(rows[value])} too; keep one row per study")
        rows[value] = row
    joined: list[Study] = []
    matched: dict[str, Study] = {}
    for study in studies:
        value = keys[key].get(study.study_id, "")
        row = rows.get(value)
        if row is None:
            problem = f"no row in {table.path.name}; its labels are unknown"
            unknown = dict.fromkeys(names, UNKNOWN)
            joined.append(replace(study, labels=unknown, problems=(*study.problems, problem)))
            continue
        if value in matched:
            raise DataError(f"{row.at(key)}: fits more than one study; name them by study_id (StudyInstanceUID)")
        matched[value] = study
        joined.append(_with_row(study, row, report, labels, mapped))
    orphans = [
        Study(f"{table.path.name}, {_number(row)}", "", {}, problems=(f"{row.at(key)}: there is no such study",))
        for value, row in rows.items()
        if value not in matched
    ]
    return joined, orphans


def columns_joined(
    table: Table,
    *,
    keys: Mapping[str, Mapping[str, str]],
    report: str = REPORT,
    findings: tuple[str, ...] | None = None,
    words: Mapping[str, Any] | None = None,
) -> list[ColumnUse]:
    """What `join`, called alike, takes each column for."""
    key, labels, mapped = _columns(table, keys, report, findings, words or {})
    roles = {**dict.fromkeys(table.columns, "ignored"), "patient_id": "patient", "split": "split"}
    return column_uses(table, {**roles, report: "text", key: "study"}, labels, mapped)


def _columns(
    table: Table,
    keys: Iterable[str],
    report: str,
    findings: tuple[str, ...] | None,
    words: Mapping[str, Any],
) -> tuple[str, tuple[str, ...], dict[str, WordLabels]]:
    """The column that names studies, those of labels, and those of labels in words."""
    key = next((name for name in keys if name in table.columns), None)
    if key is None:
        raise DataError(f"{table.path}: no column {' or '.join(map(repr, keys))} to find a study by; add one")
    table.require([*(findings or ()), *([report] if report != REPORT else [])])
    own = (*keys, report, *_OWN_COLUMNS)
    mapped = word_labels(table, words, own)
    rest = [column for column in table.columns if column not in (*own, *mapped)]
    labels = findings if findings is not None else label_columns(table, rest)
    for column in rest:
        cells = [row.cells.get(column) for row in table.rows]
        if column not in labels and says_yes_or_no(cells):
            log.warning("%s: column '%s' is ignored; a label? '%s'", table.path, column, label_hint(column, cells))
    return key, tuple(column for column in labels if column not in mapped), mapped


def _with_row(study: Study, row: Row, report: str, labels: Sequence[str], mapped: Mapping[str, WordLabels]) -> Study:
    text = row.text(report)
    split = row.text("split")
    if split and split not in SPLITS:
        raise DataError(f"{row.at('split')}: '{split}'; use {', '.join(SPLITS)} or leave it empty")
    said = {column: parse_label(row.cells.get(column), row.at(column)) for column in labels}
    for column in mapped.values():
        said |= column.of(row)
    return replace(
        study,
        patient_id=row.text("patient_id") or study.patient_id,
        patient_known=bool(row.text("patient_id")) or study.patient_known,
        modalities={**study.modalities, REPORT: text} if text else study.modalities,
        labels=said,
        split=cast(Split, split) if split else None,
    )


def _number(row: Row) -> str:
    return row.where.rpartition(", ")[2]
