"""Any tree of DICOM files, with labels and reports from a table beside it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom

from mmdx.data.dicom import check_complete, is_localizer, pixel_facts, quiet, read_header
from mmdx.data.images import is_dicom
from mmdx.data.join import join
from mmdx.data.series import SourceImage, choose_series
from mmdx.data.tables import Table, read_table
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.study import ImageFiles, Study

_KEPT = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "PatientID", "AccessionNumber"),
    *("Modality", "ImageType", "SeriesNumber", "SeriesDescription", "InstanceNumber", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
    *("AcquisitionNumber", "EchoNumbers", "EchoTime", "TemporalPositionIdentifier", "ConvolutionKernel"),
    *("PatientAge", "PatientSex", "Manufacturer", "ManufacturerModelName"),
)
_KEYS = {"study_id": "StudyInstanceUID", "accession_number": "AccessionNumber"}
_OTHER_NAMES = ("readme", "license", "licence", "dicomdir", "version", "changelog", "sha256sums", "md5sums")
_DOCUMENTS = (".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".pdf", ".yaml", ".yml", ".xlsx")
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}

log = logging.getLogger(__name__)


@dataclass
class _Exam:
    """What was found of one study so far."""

    images: list[SourceImage] = field(default_factory=list)
    headers: list[pydicom.Dataset] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)


@READERS("dicom")
def read(
    root: Path,
    *,
    table: Path | None = None,
    report: str = "report",
    findings: tuple[str, ...] | None = None,
    series: str | None = None,
    modality: str = "image",
) -> list[Study]:
    """Any tree of DICOM files: one study a StudyInstanceUID, its one series chosen and certified.

    `root` may be a single file. `mmdx.data.series` states how one series is chosen, from those whose description
    contains `series`; what is kept out is named in `Study.problems`. `table` (CSV or JSON Lines, under `root` or not)
    has a column `study_id` (StudyInstanceUID) or `accession_number`; its column `report` becomes the modality
    "report"; `findings` names the label columns (None: those of the others in which at least half of the filled cells
    are 1 or 0, any other value being refused); `patient_id` and `split` count where they are there. Traits: age in
    years, sex, manufacturer, model.

    A file that cannot be read, a link out of the folder and a row without a study become studies without modalities,
    whose problem says why. Files of other kinds are left out, and counted in the log.
    """
    base, exams, unread = _exams(root)
    studies = [_study(base, study_id, exam, series, modality) for study_id, exam in exams.items()]
    if table is not None:
        keys = {name: {uid: _value(exam, tag) for uid, exam in exams.items()} for name, tag in _KEYS.items()}
        studies, orphans = join(studies, _table(root, table), keys=keys, report=report, findings=findings)
        unread += orphans
    studies = sorted(studies, key=lambda study: study.study_id) + unread
    if not studies:
        raise DataError(f"{root}: no DICOM file in it; correct the path, or use the reader 'folder' for plain images")
    return studies


def _exams(root: Path) -> tuple[Path, dict[str, _Exam], list[Study]]:
    """The folder that paths are told from, the studies by StudyInstanceUID, and the files that are none's."""
    base = root.parent if root.is_file() else root
    exams: dict[str, _Exam] = {}
    unread, others = [], []
    for path in _walk(root):
        name = path.relative_to(base).as_posix()
        try:
            if not path.resolve(strict=True).is_relative_to(base.resolve()):
                raise DataError(f"{name}: a link out of {base}; copy the file in")
            if not is_dicom(path) and not _looks_dicom(path):
                others.append(name)
                continue
            header = _slim(full := read_header(path))
            study_id = str(header.get("StudyInstanceUID") or "").strip()
            if not study_id:
                raise DataError(f"{name}: no StudyInstanceUID, so nothing says whose it is")
        except (DataError, OSError, RuntimeError) as error:
            reason = str(error).replace(str(path), name)
            unread.append(Study(name, "", {}, problems=(reason,)))
            continue
        exam = exams.setdefault(study_id, _Exam())
        exam.headers.append(header)
        try:
            unit, channels, frames = pixel_facts(full)
            check_complete(path, full)
            exam.images.append(SourceImage(path, header, unit, channels, frames, is_localizer(full)))
        except DataError as error:
            exam.left_out.setdefault(str(error).removeprefix(f"{path}: "), []).append(name)
    if others:
        # Documents beside the images are expected; pictures and archives may have been meant as data.
        level = logging.INFO if all(_is_document(name) for name in others) else logging.WARNING
        log.log(level, "%s: %d files are no DICOM and were left out: %s", root, len(others), _some(others))
    return base, exams, unread


def _walk(root: Path) -> list[Path]:
    """All files under `root`, and links to folders, by path; hidden and DICOMDIR files are passed over."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise DataError(f"{root}: no such file or folder; correct the path")
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        links = [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
        # A link to a folder inside is passed over: what it holds is found where it stands.
        found += [link for link in links if not link.resolve().is_relative_to(root.resolve())]
        found += [Path(folder, name) for name in files if not name.startswith(".") and name.lower() != "dicomdir"]
    return sorted(found)


def _looks_dicom(path: Path) -> bool:
    """Whether a file without the DICM mark was meant to be DICOM: those are named like `IM0001` or `1.2.840.1`."""
    return not path.suffix[1:].isalpha() and not path.name.lower().startswith(_OTHER_NAMES)


def _is_document(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in _DOCUMENTS or path.name.lower().startswith(_OTHER_NAMES)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _slim(header: pydicom.Dataset) -> pydicom.Dataset:
    """What a study is assembled from; a tree's full headers would not fit in memory. A malformed element is absent."""
    slim = pydicom.Dataset()
    with quiet():
        for keyword in _KEPT:
            try:
                if header.get(keyword) not in (None, ""):
                    slim[keyword] = header[keyword]
            except (TypeError, ValueError, KeyError):
                continue
    return slim


def _study(base: Path, study_id: str, exam: _Exam, series: str | None, modality: str) -> Study:
    files, kept_out = choose_series(exam.images, description=series)
    problems = [f"left out {len(names)} file(s): {why} ({_some(names)})" for why, names in exam.left_out.items()]
    problems += kept_out
    patients = sorted({str(h.get("PatientID") or "").strip() for h in exam.headers} - {""})
    if not patients:
        problems.append("no PatientID; the study counts as a patient of its own")
    if len(patients) > 1:
        problems.append(f"{len(patients)} different PatientIDs in one study; the first in the alphabet counts")
    if files is None:
        problems.append("no image to use in this study")
    modalities: dict[str, ImageFiles | str] = {} if files is None else {modality: files}
    return Study(
        study_id,
        patients[0] if patients else study_id,
        modalities,
        traits=_traits(exam.headers),
        problems=tuple(problems),
    )


def _traits(headers: Sequence[pydicom.Dataset]) -> dict[str, str | float]:
    """The first value that any file of the study has; never a name or a date."""
    traits: dict[str, str | float] = {}
    for name, keyword in (("sex", "PatientSex"), ("manufacturer", "Manufacturer"), ("model", "ManufacturerModelName")):
        value = next((str(h.get(keyword)).strip() for h in headers if h.get(keyword)), "")
        if value:
            traits[name] = value
    age = next((str(h.get("PatientAge")).strip() for h in headers if h.get("PatientAge")), "")
    if age[:-1].isdigit() and age[-1] in _YEARS:
        traits["age"] = round(int(age[:-1]) * _YEARS[age[-1]], 2)
    return traits


def _value(exam: _Exam, keyword: str) -> str:
    return next((str(h.get(keyword)).strip() for h in exam.headers if h.get(keyword)), "")


def _table(root: Path, table: Path) -> Table:
    beside = root / table if root.is_dir() else root.parent / table
    return read_table(beside if beside.exists() else table)
