"""Any tree of DICOM files, with labels and reports from a table beside it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdx.data.dicom.exams import Exam, refuse_link_out, walk
from mmdx.data.dicom.files import is_dicom, read_header
from mmdx.data.dicom.rules import SeriesRules
from mmdx.data.quiet import quiet
from mmdx.data.tables.dates import parse_date, with_days
from mmdx.data.tables.join import columns_joined, join
from mmdx.data.tables.table_columns import ColumnUse
from mmdx.data.tables.tables import Separator, Table, read_table
from mmdx.data.tables.word_labels import LabelWords
from mmdx.errors import DataError, UsageError, refuse_lack
from mmdx.registry import READERS
from mmdx.study import Study

_KEYS = {"study_id": "StudyInstanceUID", "accession_number": "AccessionNumber"}
_OTHER_NAMES = ("readme", "license", "licence", "dicomdir", "version", "changelog", "sha256sums", "md5sums")
_DOCUMENTS = (".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".pdf", ".yaml", ".yml", ".xlsx")

AT_USE = ("series", "modalities")
"""The options by which a model's studies are read once it is in use, too: which series it has learned from."""

log = logging.getLogger(__name__)


@READERS("dicom")
def read(
    root: Path,
    *,
    table: Path | None = None,
    report: str = "report",
    findings: tuple[str, ...] | None = None,
    labels: LabelWords | None = None,
    series: str | None = None,
    modality: str = "image",
    modalities: SeriesRules | None = None,
    separator: Separator = ",",
    encoding: str = "utf-8",
    allow_outside: bool = False,
) -> list[Study]:
    """Any tree of DICOM files: one study per StudyInstanceUID, its one series chosen and certified.

    `root` may be a single file. `mmdx.data.dicom.series` states how one series is chosen, from those whose description
    contains `series`; what is kept out is named in `Study.problems`. `table` (CSV or JSON Lines, under `root` or
    not) has a column `study_id` (StudyInstanceUID) or `accession_number`; its column `report` becomes the modality
    "report"; `findings` names the label columns (None: those of the others in which at least half of the filled
    cells are 1 or 0, any other value being refused), `labels` what labels in words mean, as for the reader
    `folder`; `patient_id` and `split` count where they are there. Traits: age in years, sex, manufacturer, model,
    `series_digest` (of the SeriesInstanceUID), and `day`, the whole days since the first study of the patient under
    `root`.

    The cells of the table stand between `separator`, in `encoding`; with `allow_outside` links to files may lead out
    of the folder.

    A file that cannot be read, a link out of the folder and a row without a study become studies without modalities,
    whose problem says why. Files of other kinds are left out, and counted in the log.
    """
    if modalities is not None and (series is not None or modality != "image"):
        raise UsageError("reader.modalities: has a rule for each series; leave out series and modality")
    exams, unread = _exams(root, outside=allow_outside)
    studies = [
        exam.study(study_id, series=series, modality=modality, rules=modalities) for study_id, exam in exams.items()
    ]
    if table is not None:
        keys = {name: {uid: exam.first(tag) for uid, exam in exams.items()} for name, tag in _KEYS.items()}
        studies, orphans = join(
            studies, _table(root, table, separator, encoding), keys=keys, report=report, findings=findings, words=labels
        )
        unread += orphans
    dates = {uid: day for uid, exam in exams.items() if (day := parse_date(exam.first("StudyDate"))) is not None}
    studies = sorted(with_days(studies, dates), key=lambda study: study.study_id) + unread
    if not studies:
        raise DataError(f"{root}: no DICOM file in it; correct the path, or use the reader 'folder' for plain images")
    return studies


def columns_taken(
    root: Path,
    *,
    table: Path | None = None,
    report: str = "report",
    findings: tuple[str, ...] | None = None,
    labels: LabelWords | None = None,
    separator: Separator = ",",
    encoding: str = "utf-8",
    **_: Any,
) -> list[ColumnUse]:
    """What `read`, called alike, takes each column of the table for; none without a table."""
    if table is None:
        return []
    keys: dict[str, dict[str, str]] = {name: {} for name in _KEYS}
    return columns_joined(
        _table(root, table, separator, encoding), keys=keys, report=report, findings=findings, words=labels
    )


@quiet()
def _exams(root: Path, *, outside: bool = False) -> tuple[dict[str, Exam], list[Study]]:
    """The studies by StudyInstanceUID, and the files that are none's."""
    base = root.parent if root.is_file() else root
    exams: dict[str, Exam] = {}
    unread, strays = [], []
    for path in walk(root):
        name = path.relative_to(base).as_posix()
        try:
            if not outside:
                refuse_link_out(path, base, name)
            if not is_dicom(path) and not _looks_dicom(path):
                strays.append(name)
                continue
            header = read_header(path)
            study_id = str(header.get("StudyInstanceUID") or "").strip()
            if not study_id:
                raise DataError(f"{name}: no StudyInstanceUID, so nothing says whose it is")
        except (DataError, OSError, RuntimeError) as error:
            refuse_lack(error, path)
            reason = str(error).replace(str(path), name)
            unread.append(Study(name, "", {}, problems=(reason,)))
            continue
        exams.setdefault(study_id, Exam()).add(path, header, name)
    if strays:
        # Documents beside the images are expected; pictures and archives may have been meant as data.
        level = logging.INFO if all(_is_document(name) for name in strays) else logging.WARNING
        # By suffix: a log keeps no names of files, which may be those of people.
        log.log(level, "%s: %d files are no DICOM and were left out: %s", root, len(strays), _suffixes(strays))
    return exams, unread


def _looks_dicom(path: Path) -> bool:
    """Whether a file without the DICM mark was meant to be DICOM: those are named like `IM0001` or `1.2.840.1`."""
    return not path.suffix[1:].isalpha() and not path.name.lower().startswith(_OTHER_NAMES)


def _is_document(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in _DOCUMENTS or path.name.lower().startswith(_OTHER_NAMES)


def _suffixes(names: Sequence[str]) -> str:
    counts = Counter(suffix if (suffix := Path(name).suffix)[1:].isalnum() else "others" for name in names)
    return ", ".join(f"{suffix} {count}" for suffix, count in counts.most_common(3))


def _table(root: Path, table: Path, separator: Separator, encoding: str) -> Table:
    beside = root / table if root.is_dir() else root.parent / table
    return read_table(beside if beside.exists() else table, separator=separator, encoding=encoding)
