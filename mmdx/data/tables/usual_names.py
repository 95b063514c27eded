"""Usual names of columns that mmdx calls otherwise: suggested, never taken for what they seem to be."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from mmdx.data.tables.tables import Table
from mmdx.errors import DataError, did_you_mean

log = logging.getLogger(__name__)

FILES = "file_name"
_USUAL = {
    "patient_id": ("patientid", "patient", "patientnumber", "subjectid", "subject", "participantid", "pid", "personid"),
    "study_id": ("studyid", "study", "studyinstanceuid", "studyuid", "examid", "exam", "caseid", "accessionnumber"),
    FILES: (
        *("filename", "file", "filepath", "path", "image", "images", "imagepath", "imagefile", "imagename", "img"),
        *("imgpath", "imgname", "dicompath", "dicom", "dicomfile", "pngpath", "png", "jpg", "filenames", "imagepaths"),
    ),
    "report": ("report", "reporttext", "radiologyreport", "text", "note", "notes", "impression", "findingstext"),
    "split": ("split", "set", "subset", "partition"),
    "study_date": ("studydate", "examdate"),
}
"""By the name that mmdx reads, those that people give, in lower case without what is no letter."""


def suggest_names(table: Table, rest: Sequence[str]) -> None:
    """Says in the log which of the columns `rest`, which are read as they are, are usual names of something else."""
    for name in _USUAL:
        column = _usual(rest, name)
        if column is not None and name not in table.columns and name != FILES:
            log.warning("%s: column '%s' is not read as '%s'; if it is meant so, rename it", table.path, column, name)


def require_names(table: Table) -> None:
    """Raises `DataError` for a table without columns of files that has no `study_id`, or gives files another name."""
    column = _usual(table.columns, FILES)
    if column is not None and any("." in str(row.cells.get(column) or "") for row in table.rows):
        raise DataError(f"{table.path}: column '{column}' names files; did you mean '{FILES}'? rename it")
    if "study_id" not in table.columns:
        usual = _usual(table.columns, "study_id")
        hint = f"did you mean '{usual}'? rename it" if usual else did_you_mean("study_id", table.columns)
        raise DataError(f"{table.path}: no column 'study_id' or '{FILES}'; {hint}")


def _usual(columns: Sequence[str], name: str) -> str | None:
    return next((column for column in columns if re.sub(r"[^a-z]", "", column.lower()) in _USUAL[name]), None)
