"""CT-ICH: head CTs after trauma as JPEG slices in two windows, with slice labels (Hssayeni et al. 2020, Data 5(1):14).

Layout: `Patients_CT/<patient>/{brain,bone}/<slice>.jpg` (`<slice>_HGE_Seg.jpg` are masks and no slices) beside
`hemorrhage_diagnosis.csv` (in later releases `hemorrhage_diagnosis_raw_ct.csv`), `patient_demographics.csv` and, where
they were made, lesion boxes in `boxes.csv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdx.data.files import listing
from mmdx.data.order.certificate import certify_filenames
from mmdx.data.tables.labels import parse_label
from mmdx.data.tables.tables import Row, Table, read_table
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, Box, ImageFiles, Study

LICENCE = "CC-BY-4.0 by the paper; a release on PhysioNet carries terms of its own"
TYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
FINDINGS = (*TYPES, "any", "fracture")
WINDOWS = ("brain", "bone")
_BOX_FINDINGS = {
    "EDH": "epidural",
    "IPH": "intraparenchymal",
    "IVH": "intraventricular",
    "SAH": "subarachnoid",
    "SDH": "subdural",
}
_PERSONAL = ("Age (years)", "Gender", "Condition on file")
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class _Rows:
    """What the tables say of one patient: labels by slice number, rows of boxes, the row of demographics."""

    slices: Mapping[int, Mapping[str, float]]
    boxes: Sequence[Row]
    person: Row | None
    problems: Sequence[str]


@READERS("ct_ich")
def read(root: Path, *, report: bool = False) -> list[Study]:
    """Head CTs of CT-ICH: one study per patient, with the image modalities `brain` and `bone`.

    A study is positive where any of its rows is, those without an image included. A patient of the tables who has no
    folder is a study that cannot be read. With `report`, the modality `report`
    holds 'Condition on file', which *states the diagnosis*: good for showing a leak, never for a claim. Boxes stand on
    `brain`. Traits: age in years, sex.
    """
    tables = _tables(root)
    _, folders = listing(root / "Patients_CT", root)
    folder_of = {_folder_number(folder): folder for folder in folders}
    if len(folder_of) < len(folders):
        raise DataError(f"{root / 'Patients_CT'}: two folders carry one patient number; rename one")
    studies = []
    for number in sorted(folder_of.keys() | tables.keys()):
        rows = tables.get(number, _Rows({}, (), None, ()))
        if number in folder_of:
            studies.append(_study(folder_of[number], rows, report=report))
        else:
            listed = f"the tables list the patient, {len(rows.slices)} slices labelled"
            problem = f"no folder Patients_CT/{number:03d}, though {listed}"
            studies.append(Study(f"{number:03d}", f"{number:03d}", {}, _study_labels(rows), problems=(problem,)))
    return studies


def _tables(root: Path) -> dict[int, _Rows]:
    diagnosis = _first_table(root, "hemorrhage_diagnosis.csv", "hemorrhage_diagnosis_raw_ct.csv")
    diagnosis.require(
        ["PatientNumber", "SliceNumber", *(t.capitalize() for t in TYPES), "No_Hemorrhage", "Fracture_Yes_No"]
    )
    demographics = _first_table(
        root, "patient_demographics.csv", "Patient_demographics.csv", "Patient_Demographics.csv"
    )
    demographics.require(["Patient Number"])
    slices: dict[int, dict[int, dict[str, float]]] = {}
    problems: dict[int, list[str]] = {}
    for row in diagnosis.rows:
        patient, number = _integer(row, "PatientNumber"), _integer(row, "SliceNumber")
        labels, contradiction = _row_labels(row)
        if number in slices.setdefault(patient, {}):
            raise DataError(f"{row.where}: slice {number} of patient {patient} has a row already; keep one")
        slices[patient][number] = labels
        problems.setdefault(patient, []).extend([f"slice {number}: {contradiction}"] if contradiction else [])
    boxes: dict[int, list[Row]] = {}
    if (root / "boxes.csv").exists():
        columns = ["PatientNumber", "SliceNumber", "label", "x0", "y0", "x1", "y1"]
        for row in read_table(root / "boxes.csv", required=columns).rows:
            boxes.setdefault(_integer(row, "PatientNumber"), []).append(row)
    people = _people(demographics)
    return {
        n: _Rows(slices.get(n, {}), boxes.get(n, ()), people.get(n), problems.get(n, ()))
        for n in slices.keys() | boxes.keys() | people.keys()
    }


def _people(demographics: Table) -> dict[int, Row]:
    people: dict[int, Row] = {}
    for row in demographics.rows:
        # A second header row, as in some releases, names types and says nothing of a person.
        if not row.text("Patient Number") and not any(row.text(column) for column in _PERSONAL):
            continue
        number = _integer(row, "Patient Number")
        if number in people:
            raise DataError(f"{row.where}: patient {number} has a row already; keep one")
        people[number] = row
    return people


def _row_labels(row: Row) -> tuple[dict[str, float], str]:
    """The labels of one slice, and how they contradict each other, if they do."""
    labels = {name: _cell(row, name.capitalize()) for name in TYPES}
    none, values = _cell(row, "No_Hemorrhage"), list(labels.values())
    contradiction = ""
    if 1.0 in values:
        labels["any"] = 1.0
        contradiction = "a type of bleed and No_Hemorrhage are both marked; the type counts" if none == 1.0 else ""
    elif not math.isnan(none):
        labels["any"] = 1.0 - none
        no_type = none == 0.0 and all(value == 0.0 for value in values)
        contradiction = "marked as a bleed, but of no type; it counts towards any" if no_type else ""
    else:
        labels["any"] = 0.0 if all(value == 0.0 for value in values) else UNKNOWN
    labels["fracture"] = _cell(row, "Fracture_Yes_No")
    return labels, contradiction


def _study(folder: Path, rows: _Rows, *, report: bool) -> Study:
    modalities: dict[str, ImageFiles | str] = {}
    numbers: dict[str, list[int]] = {}
    problems = list(rows.problems)
    files, folders = listing(folder, folder)
    extra = [path.name for path in (*files, *folders) if path.name not in WINDOWS]
    problems += [f"left out {', '.join(extra)}: neither brain/ nor bone/"] if extra else []
    for window in WINDOWS:
        paths, strays = _slices(folder, window)
        problems += [f"left out {window}/{name}: its name is no slice number" for name in strays]
        if not paths:
            problems.append(f"no slices in {window}/")
            continue
        refs, order = certify_filenames(paths)
        modalities[window] = ImageFiles(refs, order)
        numbers[window] = [int(ref.path.stem) for ref in refs]
    problems += _mismatches(rows, numbers)
    slice_labels = {
        window: {f: tuple(rows.slices.get(n, {}).get(f, UNKNOWN) for n in numbers[window]) for f in FINDINGS}
        for window in numbers
    }
    boxes, doubts = _boxes(rows, numbers.get("brain", []))
    person = rows.person
    if report and modalities and person is not None and person.text("Condition on file"):
        modalities["report"] = person.text("Condition on file")
    facts = {} if person is None else {"age": person.fact("Age (years)"), "sex": person.fact("Gender")}
    return Study(
        folder.name,
        folder.name,
        modalities,
        _study_labels(rows),
        slice_labels,
        boxes,
        traits={name: fact for name, fact in facts.items() if fact is not None},
        problems=(*problems, *doubts),
    )


def _slices(folder: Path, window: str) -> tuple[list[Path], list[str]]:
    """The slices in one window, and the names of files that are neither slices nor masks of bleeds."""
    if not (folder / window).is_dir():
        return [], []
    files = [p for p in listing(folder / window, folder)[0] if not p.stem.lower().endswith("_hge_seg")]
    slices = [p for p in files if p.suffix.lower() in _SUFFIXES and p.stem.isdecimal()]
    return slices, [p.name for p in files if p not in slices]


def _mismatches(rows: _Rows, numbers: Mapping[str, Sequence[int]]) -> list[str]:
    labelled, problems = set(rows.slices), []
    for window, present in numbers.items():
        if labelled - set(present):
            problems.append(f"{window}: labelled slices without an image: {_listed(labelled - set(present))}")
        if set(present) - labelled:
            problems.append(f"{window}: images without labels: {_listed(set(present) - labelled)}")
    return problems


def _boxes(rows: _Rows, numbers: Sequence[int]) -> tuple[tuple[Box, ...], list[str]]:
    """Boxes at the index of their slice, and problems that name the slices where boxes and images or labels differ."""
    boxes: list[Box] = []
    lost: set[int] = set()
    denied: set[int] = set()
    for row in rows.boxes:
        number, name = _integer(row, "SliceNumber"), row.text("label")
        if name not in _BOX_FINDINGS:
            raise DataError(f"{row.at('label')}: '{name}' is no lesion; use one of {', '.join(_BOX_FINDINGS)}")
        if number not in numbers:
            lost.add(number)
            continue
        finding = _BOX_FINDINGS[name]
        x0, y0, x1, y1 = (_coordinate(row, column) for column in ("x0", "y0", "x1", "y1"))
        boxes.append(Box("brain", numbers.index(number), finding, x0, y0, x1, y1))
        denied |= {number} if rows.slices.get(number, {}).get(finding) == 0.0 else set()
    problems = [f"boxes dropped on slices without a brain image: {_listed(lost)}"] if lost else []
    problems += [f"boxes of a type that the slice labels deny, kept: slices {_listed(denied)}"] if denied else []
    return tuple(boxes), problems


def _study_labels(rows: _Rows) -> dict[str, float]:
    """Positive where a slice is; negative where all are known to be; else unknown."""
    labels = {}
    for finding in FINDINGS:
        values = [labels_[finding] for labels_ in rows.slices.values()]
        known_negative = bool(values) and all(value == 0.0 for value in values)
        labels[finding] = 1.0 if 1.0 in values else 0.0 if known_negative else UNKNOWN
    return labels


def _first_table(root: Path, *names: str) -> Table:
    return read_table(next((root / name for name in names if (root / name).exists()), root / names[0]))


def _folder_number(folder: Path) -> int:
    if not folder.name.isdecimal():
        raise DataError(f"{folder}: the name is no patient number; move it out of Patients_CT")
    return int(folder.name)


def _cell(row: Row, column: str) -> float:
    return parse_label(row.cells[column], row.at(column))


def _integer(row: Row, column: str) -> int:
    value = row.fact(column)
    if not isinstance(value, float) or not value.is_integer():
        raise DataError(f"{row.at(column)}: expected a whole number, found '{row.text(column)}'")
    return int(value)


def _coordinate(row: Row, column: str) -> float:
    value = row.fact(column)
    if not isinstance(value, float):
        raise DataError(f"{row.at(column)}: expected a number of pixels, found '{row.text(column)}'")
    return value


def _listed(numbers: set[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
