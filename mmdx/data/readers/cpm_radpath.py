"""CPM-RadPath: brain tumours on four MR sequences, with descriptors of their pathology slides where somebody made them.

Layout: `Radiology/<ID>/<ID>_{t1,t1ce,t2,flair}.nii.gz`, `training_data_classification_labels.csv` with the columns
`CPM_RadPath_2019_ID` and `class` (G, A or O), and `Pathology/<ID>.npy`, which the release does not have: there lie
whole-slide images, which are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmdx.data.files import listing
from mmdx.data.images.modality import images_listed
from mmdx.data.tables.tables import Row, read_table
from mmdx.data.vectors import vectors_listed
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, Modality, Study

LICENCE = "the terms of the CPM-RadPath challenge, agreed to on registration"
TABLE = "training_data_classification_labels.csv"
KEY, CLASS = "CPM_RadPath_2019_ID", "class"
SEQUENCES = ("t1", "t1ce", "t2", "flair")
CLASSES = ("G", "A", "O")


@dataclass(frozen=True)
class _Release:
    """What was found, by case. `rows` is None where there is no table, `vectors` where nobody made descriptors."""

    folders: Mapping[str, Path]
    rows: Mapping[str, Row] | None
    vectors: Mapping[str, Path] | None


@READERS("cpm_radpath")
def read(root: Path, *, descriptors: Path | None = None) -> list[Study]:
    """CPM-RadPath: one study per case, its MR sequences as `t1`, `t1ce`, `t2`, `flair`, its slides as `pathology`.

    `descriptors` is the folder, under `root` or not, in which `<ID>.npy` holds the descriptors of a case's slides,
    `[n d]` or `[d]`; left out, it is `Pathology`. A case has a folder of sequences, a row or descriptors; what it lacks
    of these is named, and its labels are unknown without a row, a class or a table. A sequence or descriptors that
    cannot be read refuse the study whole. Raises `DataError` at the row and column that is wrong.
    """
    folders = {folder.name: folder for folder in listing(root / "Radiology", root)[1]}
    release = _Release(folders, _rows(root / TABLE), _vectors(root, descriptors))
    cases = sorted({*folders, *(release.rows or ()), *(release.vectors or ())})
    if not cases:
        raise DataError(f"{root}: no case in Radiology or {TABLE}; is it the right folder?")
    return [_study(root, case, release) for case in cases]


def _rows(path: Path) -> dict[str, Row] | None:
    if not path.exists():
        return None
    rows: dict[str, Row] = {}
    for row in read_table(path, required=[KEY]).rows:
        case = row.text(KEY)
        if not case:
            raise DataError(f"{row.at(KEY)}: is empty; every row needs its case")
        if case in rows:
            raise DataError(f"{row.at(KEY)}: '{case}' has a row already ({rows[case].where}); keep one")
        rows[case] = row
    return rows


def _vectors(root: Path, descriptors: Path | None) -> dict[str, Path] | None:
    folder = root / (descriptors or "Pathology")
    if descriptors is not None and not folder.is_dir():
        folder = descriptors
    if not folder.is_dir():
        if descriptors is None:
            return None
        raise UsageError(f"descriptors: no folder '{descriptors}', neither under {root} nor here; correct the path")
    inside = root if folder.resolve().is_relative_to(root.resolve()) else folder
    files = {path.stem: path for path in listing(folder, inside)[0] if path.suffix.lower() == ".npy"}
    return files if files or descriptors is not None else None


def _study(root: Path, case: str, release: _Release) -> Study:
    modalities: dict[str, Modality] = {}
    refused: list[str] = []
    labels, problems = _labels(case, release.rows)
    try:
        images, named = _sequences(root, case, release.folders.get(case))
        modalities |= images
        problems += named
    except DataError as error:
        refused += error.problems
    if release.vectors is not None and case not in release.vectors:
        problems.append(f"no descriptors {case}.npy; read without pathology")
    elif release.vectors is not None:
        try:
            modalities["pathology"] = vectors_listed([release.vectors[case]])
        except DataError as error:
            refused += error.problems
    return Study(case, case, {} if refused else modalities, labels, problems=(*refused, *problems))


def _labels(case: str, rows: Mapping[str, Row] | None) -> tuple[dict[str, float], list[str]]:
    """The class as a group of findings of which one is 1, and why it is unknown where it is."""
    unknown = {f"class/{name}": UNKNOWN for name in CLASSES}
    row = (rows or {}).get(case)
    if row is None:
        return unknown, [f"no {TABLE}; the class is unknown" if rows is None else f"no row in {TABLE}; class unknown"]
    stated = row.text(CLASS).upper()
    if not stated:
        return unknown, [f"no class in {TABLE}; its labels are unknown"]
    if stated not in CLASSES:
        raise DataError(f"{row.at(CLASS)}: class is '{row.text(CLASS)}'; use G, A or O, or leave it empty for unknown")
    return {f"class/{name}": float(name == stated) for name in CLASSES}, []


def _sequences(root: Path, case: str, folder: Path | None) -> tuple[dict[str, Modality], list[str]]:
    """The sequences of a case, and what is missing or looks wrong. Raises `DataError` where one cannot be read."""
    if folder is None:
        return {}, [f"no folder Radiology/{case}; read without images"]
    files = {path.name: path for path in listing(folder, root)[0]}
    images: dict[str, Modality] = {}
    problems = []
    for sequence in SEQUENCES:
        names = [name for name in (f"{case}_{sequence}.nii.gz", f"{case}_{sequence}.nii") if name in files]
        if not names:
            problems.append(f"no {case}_{sequence}.nii.gz; read without {sequence}")
            continue
        images[sequence], more = images_listed([files.pop(names[0])])
        problems += [f"{sequence}: {problem}" for problem in more]
    if files:
        problems.append(f"left out {', '.join(files)}: none of the four sequences")
    return images, problems
