"""Any folder of studies: images, and a table that says which belong together and what is known of them.

The table is `metadata.csv` or `metadata.jsonl`, in the manner of Hugging Face's imagefolder, one row per study:

- `study_id` (else the name of the first file or folder), `patient_id` (without this column each study is a patient of
  its own), `split` (train, val, test), `report` (text; nothing but white space is no report);
- images: `file_name` (one; a NIfTI volume must be the only one), `file_names` (a list, JSON or separated by `;`),
  `folder`; further image modalities by name: `<modality>_file_name`, `<modality>_file_names`. A file name may be that
  of a folder. With none of these columns, a folder called like the study holds its images;
- `study_date` becomes the trait `day`, whole days since the patient's first study; the date is not kept;
- labels: the columns named by `findings`, else every other column in which at least half of the filled cells are 1 or
  0; any other value in one is refused. Columns that are left become traits. Files that no row names are no part of the
  data set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from mmdx.data.files import inside, listing
from mmdx.data.images.modality import PLAIN_SUFFIXES, images_in, images_listed, is_image
from mmdx.data.images.nifti import SUFFIXES as VOLUME_SUFFIXES
from mmdx.data.tables.dates import parse_date, with_days
from mmdx.data.tables.labels import label_columns, parse_label
from mmdx.data.tables.split_words import parse_split
from mmdx.data.tables.tables import Row, Table, read_table
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.study import ImageFiles, Study

TABLES = ("metadata.jsonl", "metadata.csv")
_OWN_COLUMNS = ("study_id", "patient_id", "split", "report", "study_date")
_SUFFIXES = (*PLAIN_SUFFIXES, ".dcm", ".dicom", *VOLUME_SUFFIXES)


@dataclass(frozen=True)
class _Columns:
    """What each column of the table is: files of a modality, a label, or a trait."""

    files: Mapping[str, str]
    findings: Sequence[str]
    traits: Sequence[str]


@READERS("folder")
def read(root: Path, *, findings: tuple[str, ...] | None = None, modality: str = "image") -> list[Study]:
    """A folder, with a table or without, or a single image file.

    `modality` names the images of `file_name`, `file_names` and `folder`. A study with a file that is missing, leaves
    the folder or cannot be read is refused whole. Without a table there are no labels: each folder that directly holds
    images is a study (of the patient called like the outermost one), each image beside such folders is one, and a
    folder of nothing but images is a single study. Raises `DataError` at the row and column that is wrong.
    """
    if root.is_file():
        name = _stem(root.name)
        return [_plain_study(name, name, root, root.parent, modality)]
    tables = [root / name for name in TABLES if (root / name).is_file()]
    if len(tables) > 1:
        raise DataError(f"{root}: holds {' and '.join(TABLES)}; keep one")
    if tables:
        return _from_table(root, read_table(tables[0]), findings, modality)
    if findings is not None:
        raise DataError(f"{root}: no {' or '.join(TABLES)} to read {', '.join(findings)} from; add one")
    return _from_folders(root, modality)


def _from_table(root: Path, table: Table, findings: tuple[str, ...] | None, modality: str) -> list[Study]:
    columns = _columns(table, findings, modality)
    folders: dict[str, Path] = {}
    if not columns.files:
        table.require(["study_id"])
        folders = {folder.name: folder for folder in listing(root, root)[1]}
    rows: dict[str, Row] = {}
    studies = []
    for row in table.rows:
        study = _study(root, row, table, columns, folders, modality)
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


def _columns(table: Table, findings: tuple[str, ...] | None, modality: str) -> _Columns:
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
    rest = [column for column in table.columns if column not in files and column not in _OWN_COLUMNS]
    if findings is None:
        findings = label_columns(table, rest)
    table.require(findings)
    return _Columns(files, findings, [column for column in rest if column not in findings])


def _study(root: Path, row: Row, table: Table, columns: _Columns, folders: Mapping[str, Path], modality: str) -> Study:
    names = {column: _names(row, column) for column in columns.files}
    first = next((n for listed in names.values() for n in listed), "")
    study_id = row.text("study_id") or _stem(first)
    if not study_id:
        raise DataError(f"{row.at('study_id')}: is empty, and no file gives a name; fill it in")
    patient_id = row.text("patient_id") if "patient_id" in table.columns else study_id
    if not patient_id:
        raise DataError(f"{row.at('patient_id')}: is empty; name the patient, or drop the column if each study is one")
    modalities: dict[str, ImageFiles | str] = {}
    problems: list[str] = []
    refused: list[str] = []
    for column, listed in names.items():
        try:
            images, more = _images(root, listed, row.at(column)) if listed else (None, ())
        except DataError as error:
            refused += error.problems
            continue
        modalities |= {columns.files[column]: images} if images is not None else {}
        problems += more
    if study_id in folders:
        try:
            modalities[modality], more = images_in(folders[study_id], root)
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
        {finding: parse_label(row.cells.get(finding), row.at(finding)) for finding in columns.findings},
        split=parse_split(row.text("split"), row.at("split")),
        traits={name: fact for name, fact in facts.items() if fact is not None},
        problems=(*refused, *problems),
    )


def _names(row: Row, column: str) -> list[str]:
    """The file names in a cell; none where it is empty."""
    cell = row.cells.get(column)
    if not column.endswith("file_names"):
        return [row.text(column)] if row.text(column) else []
    if isinstance(cell, str) and cell.strip().startswith("["):
        try:
            cell = json.loads(cell)
        except json.JSONDecodeError as error:
            raise DataError(f'{row.at(column)}: not a JSON list: {error.msg}; write ["a.png", "b.png"]') from None
    if isinstance(cell, list):
        if not all(isinstance(name, str) for name in cell):
            raise DataError(f'{row.at(column)}: file names must be text; write ["a.png", "b.png"]')
        return cell
    return [name.strip() for name in row.text(column).split(";") if name.strip()]


def _images(root: Path, names: Sequence[str], where: str) -> tuple[ImageFiles, tuple[str, ...]]:
    paths = [inside(root, name, where) for name in names]
    if len(paths) == 1 and paths[0].is_dir():
        return images_in(paths[0], root)
    folder = next((name for name, path in zip(names, paths, strict=True) if path.is_dir()), None)
    if folder is not None:
        raise DataError(f"{where}: '{folder}' is a folder among files; list files, or one folder alone")
    return images_listed(paths)


def _stem(name: str) -> str:
    """A file name without folders and without the suffix of an image."""
    last = Path(name).name
    suffix = next((suffix for suffix in _SUFFIXES if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)] or last


def _from_folders(root: Path, modality: str) -> list[Study]:
    leaves = _leaves(root, root)
    if not leaves:
        raise DataError(f"{root}: no image in it and no {' or '.join(TABLES)}; is it the right folder?")
    if leaves == [root]:
        name = root.resolve().name
        return [_plain_study(name, name, root, root, modality)]
    studies = []
    inner = [leaf.relative_to(root) for leaf in leaves if leaf != root]
    if root in leaves:
        files = [path for path in listing(root, root)[0] if is_image(path)]
        taken = [_stem(path.name) for path in files] + [leaf.as_posix() for leaf in inner]
        for path in files:
            name = _stem(path.name) if taken.count(_stem(path.name)) == 1 else path.name
            studies.append(_plain_study(name, name, path, root, modality))
    for leaf in inner:
        studies.append(_plain_study(leaf.as_posix(), leaf.parts[0], root / leaf, root, modality))
    return studies


def _leaves(folder: Path, root: Path) -> list[Path]:
    """`folder` and all below it that directly hold images, outermost first."""
    files, folders = listing(folder, root)
    table = next((path for path in files if path.name in TABLES), None)
    if table is not None:
        raise DataError(f"{table}: the table stands below {root}; read its own folder, or move it up")
    leaves = [folder] if any(is_image(path) for path in files) else []
    return leaves + [leaf for inner in folders for leaf in _leaves(inner, root)]


def _plain_study(study_id: str, patient_id: str, path: Path, root: Path, modality: str) -> Study:
    try:
        images, problems = images_in(path, root) if path.is_dir() else images_listed([path])
    except DataError as error:
        return Study(study_id, patient_id, {}, problems=error.problems)
    return Study(study_id, patient_id, {modality: images}, problems=problems)
