"""CQ500: head CTs from New Delhi, each read by three radiologists (Chilamkurthy et al. 2018, Lancet 392:2388).

Layout: `reads.csv` beside `CQ500CT<n> CQ500CT<n>/Unknown Study/<series>/CT*.dcm`, one to many series a study.

One series stands for a study. Of those whose folder or description contains `series`, where that is given, the first
difference in this list decides: Hounsfield units; axial; at least 80 mm from end to end; without contrast agent; no
bone reconstruction; slices of a thickness nearer 5 mm; more images; the name of the folder. The chosen one is the
trait `series`, and every other one has a problem that says what spoke against it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from natsort import natsort_keygen

from mmdx.data.dicom.exams import Exam, in_parallel, refuse_link_out, walk
from mmdx.data.dicom.files import is_dicom, read_header
from mmdx.data.dicom.series import choose_series
from mmdx.data.files import listing
from mmdx.data.tables.labels import parse_label
from mmdx.data.tables.tables import Row, read_table
from mmdx.errors import DataError, refuse_lack
from mmdx.registry import READERS
from mmdx.study import READING, UNKNOWN, ImageFiles, Study

LICENCE = "CC-BY-NC-SA-4.0 as far as known; the terms of headctstudy.qure.ai bind"
COLUMNS = {
    "any": "ICH",
    "intraparenchymal": "IPH",
    "intraventricular": "IVH",
    "subdural": "SDH",
    "epidural": "EDH",
    "subarachnoid": "SAH",
    "chronic_bleed": "ChronicBleed",
    "fracture": "Fracture",
    "calvarial_fracture": "CalvarialFracture",
    "other_fracture": "OtherFracture",
    "mass_effect": "MassEffect",
    "midline_shift": "MidlineShift",
}
"""The column of each finding, behind `R1:`, `R2:` and `R3:`."""
READERS_OF_A_SCAN = ("R1", "R2", "R3")
THICKNESS_MM = 5.0
HEAD_MM = 80.0
AXIAL = 0.8
"""The share of the slice normal along the body: gantries tilt by up to 30 degrees, whose cosine is 0.87."""
_FOLDER = re.compile(r"CQ500-?CT-?(\d+)\b.*", re.IGNORECASE)
_NAME = re.compile(r"CQ500-?CT-?(\d+)", re.IGNORECASE)
_PLAIN = re.compile(r"plain|\bncct\b|\b(?:pre|non|no|without)[\s_-]*(?:iv[\s_-]*)?contrast", re.IGNORECASE)
_CONTRAST = re.compile(r"contrast|\bpost\b|\bcect\b|\bcta\b|angio|\d\s*cc\b", re.IGNORECASE)
_BONE = re.compile(r"bone", re.IGNORECASE)
_natural = natsort_keygen()


@dataclass(frozen=True)
class _Series:
    """One series folder: its images, and for each rule in turn how much speaks against it, and in words what.

    `problems` are those of its images, which count where it is chosen.
    """

    name: str
    files: ImageFiles
    thickness: float | None
    problems: tuple[str, ...]
    against: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class _Scan:
    """What the folder of a study holds: the chosen series, what was left out and why, traits."""

    files: ImageFiles | None
    problems: tuple[str, ...]
    traits: dict[str, str | float]


@READERS("cq500")
def read(root: Path, *, series: str | None = None) -> list[Study]:
    """CQ500: one study per scan, its one series as `image`; a finding is what two of three radiologists say.

    `series` restricts the choice to series whose folder or description contains it, whatever the case; the rule is
    stated above. No patient identifiers come with the data: a scan counts as a patient. Traits: `category` (how the
    scan was collected), `series`, `thickness_mm`, what the headers say of age, sex and scanner, and what each
    radiologist said (`reading/R1/ICH`), which is no input. Scans without a
    row, and rows without a scan, are named.
    """
    columns = [f"{reader}:{column}" for reader in READERS_OF_A_SCAN for column in COLUMNS.values()]
    rows = _rows(read_table(root / "reads.csv", required=["name", "Category", *columns]).rows)
    folders = _folders(root)
    numbers = sorted(rows.keys() | folders.keys())
    tasks = [(folders[n], root, series) for n in numbers if n in folders]
    # About 400 files per scan, which are not counted before they are read.
    scans = dict(zip(folders, in_parallel(_scan, tasks, files=400 * len(tasks), saying="reading headers"), strict=True))
    return [_study(number, rows.get(number), scans.get(number)) for number in numbers]


def _rows(rows: Sequence[Row]) -> dict[int, Row]:
    by_number: dict[int, Row] = {}
    for row in rows:
        match = _NAME.fullmatch(row.text("name"))
        if match is None:
            raise DataError(f"{row.at('name')}: '{row.text('name')}' is no scan; write CQ500-CT-<number>")
        if int(match[1]) in by_number:
            raise DataError(f"{row.at('name')}: {row.text('name')} has a row already; keep one")
        by_number[int(match[1])] = row
    return by_number


def _folders(root: Path) -> dict[int, Path]:
    """The folders of scans by number, in the order of the numbers."""
    named = [(int(match[1]), folder) for folder in listing(root, root)[1] if (match := _FOLDER.fullmatch(folder.name))]
    folders = dict(sorted(named))
    if len(folders) < len(named):
        raise DataError(f"{root}: two folders carry one scan number; move one out")
    return folders


def _study(number: int, row: Row | None, scan: _Scan | None) -> Study:
    name = f"CQ500-CT-{number}"
    labels, problems = dict.fromkeys(COLUMNS, UNKNOWN), ["no row in reads.csv; its labels are unknown"]
    traits: dict[str, str | float] = {}
    if row is not None:
        labels = {finding: _majority(row, column) for finding, column in COLUMNS.items()}
        open_ = [finding for finding, label in labels.items() if label != label]
        problems = [f"no two radiologists agree, labels unknown: {', '.join(open_)}"] if open_ else []
        traits = {"category": row.text("Category")} if row.text("Category") else {}
        traits |= _readings(row)
    if scan is None:
        problems.append(f"no folder 'CQ500CT{number} CQ500CT{number}'; unpack the scan there")
        return Study(name, name, {}, labels, traits=traits, problems=tuple(problems))
    modalities: dict[str, ImageFiles | str] = {} if scan.files is None else {"image": scan.files}
    return Study(name, name, modalities, labels, traits=traits | scan.traits, problems=(*problems, *scan.problems))


def _readings(row: Row) -> dict[str, str | float]:
    """What each radiologist said of each finding, where anything was said."""
    cells = {
        f"{READING}{reader}/{finding}": f"{reader}:{column}"
        for reader in READERS_OF_A_SCAN
        for finding, column in COLUMNS.items()
    }
    said = {name: parse_label(row.cells[cell], row.at(cell)) for name, cell in cells.items()}
    return {name: label for name, label in said.items() if label == label}


def _majority(row: Row, column: str) -> float:
    """What at least two of three say; unknown where no two do, a missing cell agreeing with nobody."""
    cells = [f"{reader}:{column}" for reader in READERS_OF_A_SCAN]
    votes = [parse_label(row.cells[cell], row.at(cell)) for cell in cells]
    return next((label for label in (1.0, 0.0) if votes.count(label) >= 2), UNKNOWN)


def _scan(folder: Path, root: Path, words: str | None) -> _Scan:
    exams: dict[Path, Exam] = {}
    for path in walk(folder):
        name = path.relative_to(folder).as_posix()
        exam = exams.setdefault(path.parent, Exam())
        try:
            refuse_link_out(path, root, name)
            if not is_dicom(path):
                raise DataError("no DICOM file")
            exam.add(path, read_header(path), name)
        except (DataError, OSError, RuntimeError) as error:
            refuse_lack(error, path)
            exam.leave_out(str(error).removeprefix(f"{path}: ").removeprefix(f"{name}: "), name)
    problems: list[str] = []
    candidates: list[_Series] = []
    for place, exam in sorted(exams.items(), key=lambda item: _natural(item[0].name)):
        series, why = _series(place.name, exam)
        problems += why
        if series is not None and words is not None and not _is_wanted(series.name, exam, words):
            problems.append(f"kept out {_counted(series)}: neither folder nor description contains '{words}'")
        elif series is not None:
            candidates.append(series)
    if not candidates:
        return _Scan(None, (*problems, "no series to use in this study"), {})
    chosen = min(candidates, key=lambda series: [amount for amount, _ in series.against])
    problems += [_verdict(series, chosen) for series in candidates if series is not chosen]
    traits: dict[str, str | float] = {"series": chosen.name}
    traits |= {} if chosen.thickness is None else {"thickness_mm": chosen.thickness}
    of_scanner = next(exam for place, exam in exams.items() if place == chosen.files.images[0].path.parent).traits()
    return _Scan(chosen.files, (*problems, *chosen.problems), traits | of_scanner)


def _series(name: str, exam: Exam) -> tuple[_Series | None, list[str]]:
    """A folder as a series, and what was left out of it; None where it holds no image to use."""
    left_out = exam.problems()
    files, kept_out = choose_series(exam.images)
    if files is None:
        return None, left_out + kept_out
    first = files.images[0].path
    header = next(image.header for image in exam.images if image.path == first)
    thickness = _thickness(header, files)
    return _Series(name, files, thickness, tuple(kept_out), _against(name, header, files, thickness)), left_out


def _against(
    name: str, header: pydicom.Dataset, files: ImageFiles, thickness: float | None
) -> tuple[tuple[float, str], ...]:
    """The rules of the module in their order: how much speaks against a series, and what."""
    words = f"{name} {header.get('SeriesDescription') or ''}"
    plane = [float(x) for x in header.get("ImageOrientationPatient") or []]
    axial = len(plane) == 6 and abs(plane[0] * plane[4] - plane[1] * plane[3]) >= AXIAL
    length = (files.order.spacing_mm or 0.0) * (len(files.images) - 1)
    # Plain series of a scan that goes on with contrast agent may name the agent in their headers.
    enhanced = not _PLAIN.search(words) and bool(_CONTRAST.search(words) or header.get("ContrastBolusAgent"))
    bone = bool(_BONE.search(f"{words} {header.get('ConvolutionKernel') or ''}"))
    far = float("inf") if thickness is None else round(abs(thickness - THICKNESS_MM), 2)
    count = len(files.images)
    return (
        (float(files.unit != "HU"), "in Hounsfield units" if files.unit == "HU" else "not in Hounsfield units"),
        (float(not axial), "axial" if axial else "not axial"),
        (float(length < HEAD_MM), f"{length:g} mm from end to end" if length else "of unknown length"),
        (float(enhanced), "with contrast agent" if enhanced else "without contrast agent"),
        (float(bone), "a bone reconstruction" if bone else "no bone reconstruction"),
        (far, "of unknown thickness" if thickness is None else f"{thickness:g} mm thick"),
        (-float(count), f"{count} images"),
    )


def _thickness(header: pydicom.Dataset, files: ImageFiles) -> float | None:
    """SliceThickness in mm, the spacing of the slices where the header does not tell."""
    try:
        stated = float(header.get("SliceThickness") or 0)
    except (TypeError, ValueError):
        stated = 0.0
    return stated if stated > 0 else files.order.spacing_mm


def _is_wanted(name: str, exam: Exam, words: str) -> bool:
    return words.lower() in f"{name}\n{exam.first('SeriesDescription')}".lower()


def _verdict(series: _Series, chosen: _Series) -> str:
    """Why a series was not chosen: the first rule by which the two differ."""
    pairs = zip(series.against, chosen.against, strict=True)
    words = next(((a, b) for (amount, a), (least, b) in pairs if amount != least), ("equal in all", "first by name"))
    return f"kept out {_counted(series)}: {words[0]}; '{chosen.name}' was chosen: {words[1]}"


def _counted(series: _Series) -> str:
    return f"{len(series.files.images)} image(s) of series '{series.name}'"
