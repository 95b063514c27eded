"""The tables of the RSNA 2019 hemorrhage challenge: six rows `ID_<hex>_<finding>` an image, in four and a half million.

They are read row by row: as a table of cells, the training rows alone would take gigabytes.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from mmdx.data.tables.labels import parse_label
from mmdx.errors import DataError, refuse_lack
from mmdx.study import UNKNOWN

FINDINGS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
COLUMNS = ("ID", "Label")
Part = Literal["train", "test"]
TABLES: dict[Part, str] = {"train": "stage_2_train.csv", "test": "stage_2_sample_submission.csv"}
FOLDERS: dict[Part, str] = {"train": "stage_2_train", "test": "stage_2_test"}
_ID = re.compile(rf"(ID_[0-9A-Za-z]+)_({'|'.join(FINDINGS)})")
_PLACE = {finding: place for place, finding in enumerate(FINDINGS)}


class LabelRow(NamedTuple):
    """One row: its number in the file, the image, the place of its finding in `FINDINGS`, the cell `Label`."""

    number: int
    image: str
    finding: int
    label: str


@dataclass(frozen=True)
class LabelTable:
    """Labels by image, in the order of `FINDINGS`, NaN where unknown.

    `repeated` counts the rows that say again what one above says; `contradicting` names by image the findings of which
    two rows say different things, so that the label is unknown.
    """

    path: Path
    labels: dict[str, list[float]] = field(default_factory=dict)
    repeated: int = 0
    contradicting: dict[str, tuple[str, ...]] = field(default_factory=dict)


def label_rows(path: Path) -> Iterator[LabelRow]:
    """The rows of a training table or a sample submission, as they stand.

    Raises `DataError`: no such table, not UTF-8, other columns, no rows, an ID that is none.
    """
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            if tuple(name.strip() for name in next(reader, [])) != COLUMNS:
                raise DataError(f"{path}: its first row is not {','.join(COLUMNS)}; use the table of the challenge")
            for number, row in enumerate(reader, start=2):
                if not row:
                    continue
                match = _ID.fullmatch(row[0].strip())
                if match is None or len(row) != len(COLUMNS):
                    raise DataError(
                        f"{path}, row {number}: {','.join(row)!r} is not ID_<hex>_<finding>,label; "
                        f"findings are {', '.join(FINDINGS)}"
                    )
                yield LabelRow(number, match[1], _PLACE[match[2]], row[1])
    except FileNotFoundError:
        raise DataError(f"{path}: no such table; put it there or correct the path") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read after row {number}: {error}; get the file anew") from None
    if number == 1:
        raise DataError(f"{path}: has no rows; get the file anew")


def read_labels(path: Path) -> LabelTable:
    """The labels of a training table. Raises `DataError` as `label_rows` does, and for a label other than 1 and 0."""
    words = {"0": 0.0, "1": 1.0}
    labels: dict[str, list[float]] = {}
    bits: dict[str, int] = {}
    contradicting: dict[str, tuple[str, ...]] = {}
    repeated = 0
    for row in label_rows(path):
        value = words.get(row.label)
        if value is None:
            value = parse_label(row.label, f"{path}, row {row.number}, column 'Label'")
        values, bit = labels.setdefault(row.image, [UNKNOWN] * len(FINDINGS)), 1 << row.finding
        if not bits.get(row.image, 0) & bit:
            values[row.finding] = value
            bits[row.image] = bits.get(row.image, 0) | bit
        elif values[row.finding] == value or (math.isnan(values[row.finding]) and math.isnan(value)):
            repeated += 1
        else:
            findings = contradicting.get(row.image, ())
            contradicting[row.image] = (*findings, *({FINDINGS[row.finding]} - set(findings)))
            values[row.finding] = UNKNOWN
    return LabelTable(path, labels, repeated, contradicting)


def unlabelled(path: Path) -> LabelTable:
    """The images of a sample submission, whose labels are those that it asks for: unknown."""
    return LabelTable(path, {row.image: [UNKNOWN] * len(FINDINGS) for row in label_rows(path)})
