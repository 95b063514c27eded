"""Any data set in the layouts of Hugging Face, on disk or from the hub: the config says what its columns are.

Layouts are those of `mmdx.data.readers._huggingface`; a row is a study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mmdx.data.images.columns import images_of
from mmdx.data.images.decode import depths_differ, probe_encoded
from mmdx.data.images.modality import images_listed
from mmdx.data.readers._huggingface import Part, fetched, file_in, parts_of
from mmdx.data.tables.labels import parse_label
from mmdx.data.tables.split_words import parse_split
from mmdx.data.tables.tables import Row
from mmdx.errors import DataError, did_you_mean
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, ImageFiles, ImageRef, Order, Split, Study

LICENCE = "that of the data set, named in the README.md that comes with it"


@dataclass(frozen=True)
class _Columns:
    """Which column is what."""

    images: Mapping[str, str]
    texts: Mapping[str, str]
    findings: Sequence[str]
    study_id: str | None
    patient_id: str | None
    split: str | None

    @property
    def all(self) -> list[str]:
        identifiers = [column for column in (self.study_id, self.patient_id, self.split) if column is not None]
        return list(dict.fromkeys([*self.images.values(), *self.texts.values(), *self.findings, *identifiers]))


@READERS("huggingface")
def read(
    root: Path,
    *,
    images: dict[str, str] | None = None,
    texts: dict[str, str] | None = None,
    findings: tuple[str, ...] | None = None,
    study_id: str | None = None,
    patient_id: str | None = None,
    split: str | None = None,
    hub: bool = False,
    revision: str | None = None,
) -> list[Study]:
    """A folder or file of rows, one study per row.

    With `hub`, `root` may also be the name of a data set of the hub, where no such path exists.

    `images` and `texts` are columns by the name of their modality (no `images`: every column that says that it holds
    them, under its own name), `findings` columns of labels (None: every column of classes). A column of 0, 1 and null
    is a finding; one of classes is a group `COLUMN/CLASS`, -1 and null being unknown; one of lists of classes is a
    finding each. Without `study_id` a study is called by its image, or its file and row; without `patient_id` each is
    a patient. `split` is a column, else the data set's own splits count. `revision` is a commit or branch on the hub.
    Raises `DataError` for columns that are not there or hold something else.
    """
    if hub and not root.exists():
        root, base = fetched(root.as_posix(), revision)
    elif not root.exists():
        raise DataError(f"{root}: no such data set on disk; hub=true looks for owner/name on the hub")
    else:
        base = root if root.is_dir() else root.parent
    parts = parts_of(root, base)
    columns = _columns(parts, images, texts, findings, study_id, patient_id, split)
    home = root if root.is_dir() else root.parent
    return [study for part in parts for study in _studies(part, columns, home, base)]


def _columns(
    parts: Sequence[Part],
    images: dict[str, str] | None,
    texts: dict[str, str] | None,
    findings: tuple[str, ...] | None,
    study_id: str | None,
    patient_id: str | None,
    split: str | None,
) -> _Columns:
    """What the options name, and what the first part tells where they are silent; every part must have it."""
    first = parts[0]
    if images is None:
        images = {name: name for name in first.images}
    if findings is None:
        findings = (*first.classes, *first.several)
    columns = _Columns(images, texts or {}, findings, study_id, patient_id, split)
    if not columns.images and not columns.texts:
        names = ", ".join(first.schema.names)
        raise DataError(f"{first.path}: no column says that it holds images; name it: images.image=COLUMN ({names})")
    for part in parts:
        missing = [name for name in columns.all if name not in part.schema.names]
        if missing:
            raise DataError(
                [f"{part.path}: no column '{name}'; {did_you_mean(name, part.schema.names)}" for name in missing]
            )
        for name in columns.findings:
            if (part.classes.get(name), part.several.get(name)) != (first.classes.get(name), first.several.get(name)):
                raise DataError(f"{part.path}: column '{name}' has other classes than in {first.path}; make them alike")
    return columns


def _studies(part: Part, columns: _Columns, root: Path, base: Path) -> Iterator[Study]:
    number = 0
    for batch in part.batches(columns.all):
        for values in zip(*batch.columns, strict=True):
            cells = dict(zip(batch.schema.names, values, strict=True))
            yield _study(part, number, cells, columns, root, base)
            number += 1


def _study(part: Part, number: int, cells: Mapping[str, pa.Scalar], columns: _Columns, root: Path, base: Path) -> Study:
    values = {name: cell.as_py() for name, cell in cells.items() if name not in columns.images.values()}
    row = Row(f"{part.path}, row {number} (from 0)", values)
    study_id = _identifier(row, columns.study_id) or part.row_name(number)
    modalities: dict[str, ImageFiles | str] = {}
    problems: list[str] = []
    refused: list[str] = []
    for modality, column in columns.images.items():
        try:
            files, more = _images(part, number, column, cells[column], row.at(column), root, base)
        except DataError as error:
            refused += error.problems
            continue
        modalities |= {modality: files} if files is not None else {}
        problems += more
    for modality, column in columns.texts.items():
        text = _text(row, column)
        modalities |= {modality: text} if text else {}
    if not modalities and not refused:
        refused.append(f"{row.where}: neither images nor text; fill it in or drop the row")
    labels: dict[str, float] = {}
    for column in columns.findings:
        labels |= _labels(part, row, column)
    return Study(
        study_id,
        _identifier(row, columns.patient_id) or study_id,
        {} if refused else modalities,
        labels,
        split=part.split if columns.split is None else _split(row, columns.split),
        problems=(*refused, *problems),
        patient_known=columns.patient_id is not None,
    )


def _identifier(row: Row, column: str | None) -> str | None:
    if column is None:
        return None
    if not row.text(column):
        raise DataError(f"{row.at(column)}: is empty; every row needs one")
    return row.text(column)


def _split(row: Row, column: str) -> Split | None:
    return parse_split(row.text(column), row.at(column))


def _images(
    part: Part, number: int, column: str, cell: pa.Scalar, where: str, root: Path, base: Path
) -> tuple[ImageFiles | None, tuple[str, ...]]:
    images = images_of(cell, where)
    if not images:
        return None, ()
    names = [name for content, name in images if content is None and name is not None]
    if len(names) == len(images):
        return images_listed([file_in(root, base, name, where) for name in names])
    if names:
        raise DataError(f"{where}: holds some images and only names others; keep to one")
    is_single = not pa.types.is_nested(cell.type) or pa.types.is_struct(cell.type)
    keys = [column] if is_single else [f"{column}[{i}]" for i in range(len(images))]
    facts = [
        probe_encoded(content, where if is_single else f"{where}, image {i}")
        for i, (content, _) in enumerate(images)
        if content is not None
    ]
    refs = tuple(ImageRef(part.path, number, key) for key in keys)
    deep = sum(is_deep for _, is_deep in facts)
    problems = () if deep in (0, len(facts)) else (depths_differ(deep, len(facts)),)
    return ImageFiles(refs, Order("given"), channels=3 if any(channels == 3 for channels, _ in facts) else 1), problems


def _text(row: Row, column: str) -> str:
    value = row.cells[column]
    if value is not None and not isinstance(value, str):
        raise DataError(f"{row.at(column)}: holds {type(value).__name__}, no text; name a column of text")
    return (value or "").strip()


def _labels(part: Part, row: Row, column: str) -> dict[str, float]:
    """The labels of a cell: a group for a class, one finding per class for a list of them, else one finding."""
    value = row.cells[column]
    if column in part.several:
        names = part.several[column]
        chosen = None if value is None else [_class(names, index, row.at(column)) for index in value]
        return {name: UNKNOWN if chosen is None else float(name in chosen) for name in names}
    if column in part.classes:
        names = part.classes[column]
        is_class = value is not None and value != -1
        chosen = _class(names, value, row.at(column)) if is_class else None
        return {f"{column}/{name}": UNKNOWN if chosen is None else float(name == chosen) for name in names}
    return {column: parse_label(value, row.at(column))}


def _class(names: Sequence[str], index: object, where: str) -> str:
    if not isinstance(index, int) or not 0 <= index < len(names):
        raise DataError(f"{where}: class {index!r}; there are {len(names)}, counted from 0")
    return names[index]
