"""Any folder of studies: images, and a table that says which belong together and what is known of them.

The table is `metadata.csv` or `metadata.jsonl`, in the manner of Hugging Face's imagefolder, one row per study:

- `study_id` (else the name of the first file or folder), `patient_id` (without this column each study is a patient of
  its own), `split` (train, val, test), `report` (text; nothing but white space is no report);
- images: `file_name` (one; a NIfTI volume must be the only one), `file_names` (a list, JSON or separated by `;`),
  `folder`; further image modalities by name: `<modality>_file_name`, `<modality>_file_names`. A file name may be that
  of a folder. With none of these columns, a folder called like the study holds its images;
- `study_date` becomes the trait `day`, whole days since the patient's first study; the date is not kept;
- labels: the columns named by `findings`, else every other column in which at least half of the filled cells are 1 or
  0; any other value in one is refused. Labels in words are read where `labels` says what they mean. Columns that are
  left become traits, `reading/READER/FINDING` (what a reader said) too. Files that no row names are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from mmdx.data.files import composed, inside, listing
from mmdx.data.images.modality import images_in, images_listed
from mmdx.data.images.plain_folders import plain_study, stem, studies_in_folders
from mmdx.data.tables.dates import parse_date, with_days
from mmdx.data.tables.labels import label_columns, parse_label
from mmdx.data.tables.split_words import parse_split
from mmdx.data.tables.table_columns import ColumnUse, column_uses
from mmdx.data.tables.tables import Row, Separator, Table, read_table
from mmdx.data.tables.usual_names import require_names, suggest_names
from mmdx.data.tables.word_labels import LabelWords, WordLabels, word_labels
from mmdx.errors import DataError, reason
from mmdx.registry import READERS
from mmdx.study import READING, ImageFiles, Study

TABLES = ("metadata.jsonl", "metadata.csv")
_OWN_COLUMNS = {"study_id": "study", "patient_id": "patient", "split": "split", "report": "text", "study_date": "date"}
"""Columns of a meaning of their own, and what they are taken for."""


@dataclass(frozen=True)
class _Columns:
    """What each column of the table is: files of a modality, a label, a label in words, or a trait."""

    files: Mapping[str, str]
    findings: Sequence[str]
    words: Mapping[str, WordLabels]
    traits: Sequence[str]


@dataclass(frozen=True)
class _Source:
    """A table and where its images lie: in the folder `images`, and with `outside` also wherever a name or link leads.

    `modality` names the images of columns that name none themselves.
    """

    images: Path
    outside: bool
    table: Table
    columns: _Columns
    modality: str

    @property
    def bound(self) -> Path:
        """The folder that no link may leave."""
        return Path(self.images.anchor or "/") if self.outside else self.images


@READERS("folder")
def read(
    root: Path,
    *,
    findings: tuple[str, ...] | None = None,
    labels: LabelWords | None = None,
    modality: str = "image",
    study: Literal["folder", "image"] = "folder",
    table: Path | None = None,
    separator: Separator = ",",
    encoding: str = "utf-8",
    image_root: Path | None = None,
    allow_outside: bool = False,
) -> list[Study]:
    """A folder, with a table or without, or a single image file.

    `modality` names the images of `file_name`, `file_names` and `folder`. `labels` says what labels in words mean,
    by column (`mmdx.data.tables.word_labels`): `{icu: {yes: 1, no: 0}, diagnosis: classes}`; a column of classes
    becomes the group of findings `COLUMN/CLASS`. `table` is a table of another name, under `root` or not, its cells
    between `separator`, written in `encoding`; `image_root` is the folder in which its file names begin. With
    `allow_outside` names may be absolute and links may lead out of that folder. A study with a file that is
    missing, leaves the folder or cannot be read is refused whole. Without a table there are no labels: each folder
    that directly holds images is a study (of the patient called like the outermost one), each image beside such
    folders is one, and a folder of nothing but images is a single study; with `study=image` each image is a study
    of its own, of an unknown patient. Raises `DataError` at the row and column that is wrong.
    """
    if root.is_file():
        return [plain_study(stem(root.name), stem(root.name), root, root.parent, modality)]
    found = _table(root, table, separator, encoding)
    if found is not None:
        home = _image_root(root, image_root)
        columns = _columns(found, findings, labels or {}, modality)
        return _from_table(_Source(home.absolute() if allow_outside else home, allow_outside, found, columns, modality))
    wanted = [*(findings or ()), *(labels or {}), *(["image_root"] if image_root else [])]
    if wanted or allow_outside:
        raise DataError(f"{root}: no {' or '.join(TABLES)} to read {', '.join(wanted) or 'links'} from; add one")
    return studies_in_folders(root, modality, TABLES, each_image=study == "image")


def _image_root(root: Path, named: Path | None) -> Path:
    """The folder in which file names of the table begin: `named`, under `root` or not."""
    if named is None:
        return root
    places = [place for place in (root / named, named) if place.is_dir()]
    if not places:
        raise DataError(f"image_root={named}: no such folder, neither in {root} nor by itself; correct it")
    return places[0]


def columns_taken(
    root: Path,
    *,
    findings: tuple[str, ...] | None = None,
    labels: LabelWords | None = None,
    modality: str = "image",
    table: Path | None = None,
    separator: Separator = ",",
    encoding: str = "utf-8",
    **_: Any,
) -> list[ColumnUse]:
    """What `read`, called alike, takes each column of the table for; none without a table."""
    found = None if root.is_file() else _table(root, table, separator, encoding)
    if found is None:
        return []
    columns = _columns(found, findings, labels or {}, modality)
    roles = {**_OWN_COLUMNS, **{column: f"images of '{name}'" for column, name in columns.files.items()}}
    listed = [c for c in columns.traits if any(isinstance(row.cells.get(c), list | dict) for row in found.rows)]
    roles |= {column: "ignored" if column in listed else "trait" for column in columns.traits}
    return column_uses(found, roles, columns.findings, columns.words)


def _table(root: Path, named: Path | None, separator: Separator, encoding: str) -> Table | None:
    """The table of that name, under `root` or not; None names those of `TABLES`, of which none need be there."""
    tables = [root / name for name in TABLES if (root / name).is_file()]
    if named is not None:
        tables = [root / named if (root / named).exists() else named]
    if len(tables) > 1:
        raise DataError(f"{root}: holds {' and '.join(TABLES)}; keep one")
    return read_table(tables[0], separator=separator, encoding=encoding) if tables else None


def _from_table(source: _Source) -> list[Study]:
    table, folders = source.table, {}
    if not source.columns.files:
        require_names(table)
        folders = _by_name(listing(source.images, source.bound)[1])
    rows: dict[str, Row] = {}
    studies = []
    for row in table.rows:
        study = _study(source, row, folders)
        if study.study_id in rows:
            problem = f"{row.where}: study '{study.study_id}' has a row already ({rows[study.study_id].where})"
            raise DataError(f"{problem}; keep one row per study, or tell studies apart by the column study_id")
        rows[study.study_id] = row
        studies.append(study)
    dates = {name: day for name, row in rows.items() if (day := parse_date(row.text("study_date"))) is not None}
    return with_days([_undated(study, rows[study.study_id], dates) for study in studies], dates)


def _undated(study: Study, row: Row, dates: Mapping[str, date]) -> Study:
    """A study with its unreadable date named, but not told."""
    if not row.text("study_date") or study.study_id in dates:
        return study
    problem = f"{row.at('study_date')}: no date such as 2020-01-31; left out"
    return replace(study, problems=(*study.problems, problem))


def _columns(table: Table, findings: tuple[str, ...] | None, labels: Mapping[str, Any], modality: str) -> _Columns:
    files = _file_columns(table, modality)
    words = word_labels(table, labels, [*files, *_OWN_COLUMNS])
    rest = [column for column in table.columns if column not in (*files, *_OWN_COLUMNS, *words)]
    if findings is None:
        findings = label_columns(table, [column for column in rest if not column.startswith(READING)])
    table.require(findings)
    findings = tuple(column for column in findings if column not in words)
    traits = [column for column in rest if column not in findings]
    suggest_names(table, traits)
    return _Columns(files, findings, words, traits)


def _file_columns(table: Table, modality: str) -> dict[str, str]:
    """The modality of each column of file names."""
    files: dict[str, str] = {}
    for column in table.columns:
        name = modality if column in ("file_name", "file_names", "folder") else ""
        for suffix in ("_file_name", "_file_names"):
            name = column.removesuffix(suffix) if column.endswith(suffix) else name
        if name in files.values():
            other = next(c for c, modality_of in files.items() if modality_of == name)
            raise DataError(
                f"{table.path}: columns '{other}' and '{column}' both give the images of '{name}'; keep one"
            )
        if name == "report":
            raise DataError(f"{table.path}: column '{column}': reports stand as text in the column 'report'")
        if name:
            files[column] = name
    return files


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Paths by their names as these are compared. Raises `DataError` for two that look the same."""
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(composed(path.name), path) != path:
            raise DataError(f"{path}: another name there looks the same and spells its accents otherwise; rename one")
    return found


def _study(source: _Source, row: Row, folders: Mapping[str, Path]) -> Study:
    columns, known = source.columns, "patient_id" in source.table.columns
    names = {column: _names(row, column) for column in columns.files}
    first = next((n for listed in names.values() for n in listed), "")
    # Backslashes end folders, as they do where the file is looked for.
    study_id = row.text("study_id") or stem(first.replace("\\", "/"))
    if not study_id:
        raise DataError(f"{row.at('study_id')}: is empty, and no file gives a name; fill it in")
    patient_id = row.text("patient_id") if known else study_id
    if not patient_id:
        raise DataError(f"{row.at('patient_id')}: is empty; name the patient, or drop the column if each study is one")
    modalities: dict[str, ImageFiles | str] = {}
    problems: list[str] = []
    refused: list[str] = []
    for column, listed in names.items():
        try:
            images, more = _images(source, listed, row.at(column)) if listed else (None, ())
        except DataError as error:
            refused += error.problems
            continue
        modalities |= {columns.files[column]: images} if images is not None else {}
        problems += more
    if study_id in folders:
        try:
            modalities[source.modality], more = images_in(folders[study_id], source.bound)
            problems += more
        except DataError as error:
            refused += error.problems
    elif folders:
        problems.append(f"no folder is called '{study_id}'; read without images")
    if row.text("report"):
        modalities["report"] = row.text("report")
    if not modalities and not refused:
        refused.append(f"{row.where}: neither images nor a report; add one or drop the row")
    facts = {c: row.fact(c) for c in columns.traits if not isinstance(row.cells.get(c), list | dict)}
    return Study(
        study_id,
        patient_id,
        {} if refused else modalities,
        _labels(row, columns),
        split=parse_split(row.text("split"), row.at("split")),
        traits={name: fact for name, fact in facts.items() if fact is not None},
        problems=(*refused, *problems),
        patient_known=known,
    )


def _labels(row: Row, columns: _Columns) -> dict[str, float]:
    labels = {finding: parse_label(row.cells.get(finding), row.at(finding)) for finding in columns.findings}
    for words in columns.words.values():
        labels |= words.of(row)
    return labels


def _names(row: Row, column: str) -> list[str]:
    """The file names in a cell; none where it is empty."""
    cell = row.cells.get(column)
    if not column.endswith("file_names"):
        return [row.text(column)] if row.text(column) else []
    if isinstance(cell, str) and cell.strip().startswith("["):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise DataError(f'{row.at(column)}: not a JSON list: {reason(error)}; write ["a.png", "b.png"]') from None
    if isinstance(cell, list):
        if not all(isinstance(name, str) for name in cell):
            raise DataError(f'{row.at(column)}: file names must be text; write ["a.png", "b.png"]')
        return cell
    return [name.strip() for name in row.text(column).split(";") if name.strip()]


def _images(source: _Source, names: Sequence[str], where: str) -> tuple[ImageFiles, tuple[str, ...]]:
    instead = " or give allow_outside=true"
    paths = [inside(source.images, name, where, outside=source.outside, otherwise=instead) for name in names]
    if len(paths) == 1 and paths[0].is_dir():
        return images_in(paths[0], source.bound)
    folder = next((name for name, path in zip(names, paths, strict=True) if path.is_dir()), None)
    if folder is not None:
        raise DataError(f"{where}: '{folder}' is a folder among files; list files, or one folder alone")
    return images_listed(paths)
