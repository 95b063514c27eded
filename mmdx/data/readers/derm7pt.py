"""Derm7pt, the seven-point checklist data set: a clinical photograph and a dermoscopic image of a lesion each, with its
diagnosis and seven criteria (Kawahara et al. 2019, IEEE J. Biomed. Health Inform. 23(2):538-546).

Layout: `meta/meta.csv`, one row per lesion; `meta/{train,valid,test}_indexes.csv` with the 0-based numbers of its rows
in the column `indexes`; the files that its columns `clinic` and `derm` name, under `images/`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from mmdx.data.files import inside
from mmdx.data.images.modality import images_listed
from mmdx.data.tables.label_groups import one_of
from mmdx.data.tables.tables import Row, read_table
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.seven_points import SEVEN_POINTS
from mmdx.study import ImageFiles, Split, Study

LICENCE = "terms of use of derm.cs.sfu.ca; no redistribution"
MODALITIES = ("clinic", "derm")
_ABSENT_REGULAR_IRREGULAR = {"ABS": ("absent",), "REG": ("regular",), "IR": ("irregular",)}
TASKS: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "DIAG": (
        "diagnosis",
        {
            "BCC": ("basal cell carcinoma",),
            "NEV": (
                *("nevus", "blue nevus", "clark nevus", "combined nevus", "congenital nevus", "dermal nevus"),
                *("recurrent nevus", "reed or spitz nevus"),
            ),
            "MEL": (
                *("melanoma", "melanoma (in situ)", "melanoma (less than 0.76 mm)", "melanoma (0.76 to 1.5 mm)"),
                *("melanoma (more than 1.5 mm)", "melanoma metastasis"),
            ),
            "MISC": ("dermatofibroma", "lentigo", "melanosis", "miscellaneous", "vascular lesion"),
            "SK": ("seborrheic keratosis",),
        },
    ),
    "PN": ("pigment_network", {"ABS": ("absent",), "TYP": ("typical",), "ATP": ("atypical",)}),
    "BWV": ("blue_whitish_veil", {"ABS": ("absent",), "PRS": ("present",)}),
    "VS": (
        "vascular_structures",
        {
            "ABS": ("absent",),
            "REG": ("arborizing", "comma", "hairpin", "within regression", "wreath"),
            "IR": ("dotted", "linear irregular"),
        },
    ),
    "PIG": (
        "pigmentation",
        {
            "ABS": ("absent",),
            "REG": ("diffuse regular", "localized regular"),
            "IR": ("diffuse irregular", "localized irregular"),
        },
    ),
    "STR": ("streaks", _ABSENT_REGULAR_IRREGULAR),
    "DaG": ("dots_and_globules", _ABSENT_REGULAR_IRREGULAR),
    "RS": ("regression_structures", {"ABS": ("absent",), "PRS": ("blue areas", "white areas", "combinations")}),
}
"""By group: its column, and the words of that column that each class stands for, as the authors group them."""
_SPLITS: Mapping[str, Split] = {"train": "train", "valid": "val", "test": "test"}
_TRAITS = ("sex", "location", "elevation", "level_of_diagnostic_difficulty")


@READERS("derm7pt")
def read(root: Path) -> list[Study]:
    """Derm7pt: one study per lesion, its clinical photograph as `clinic` and its dermoscopic image as `derm`.

    Eight labels, each a group of findings: the diagnosis (`DIAG`) and the seven criteria. The official split is kept.
    No patient is named, so each lesion is a patient of its own. Notes are no modality, and neither `management` nor
    `seven_point_score` is a trait: all three follow from the labels. An image that is missing or cannot be read is
    named, and its modality is absent; so is `clinic` where the table names the dermoscopic image for both.
    """
    columns = ["case_num", *(column for column, _ in TASKS.values()), *MODALITIES]
    table = read_table(root / "meta" / "meta.csv", required=columns)
    splits = _official_split(root, len(table.rows))
    return [_study(root, row, splits.get(index)) for index, row in enumerate(table.rows)]


def _official_split(root: Path, rows: int) -> dict[int, Split]:
    """The split of each row of `meta.csv`, by its 0-based number."""
    splits: dict[int, Split] = {}
    for name, split in _SPLITS.items():
        for row in read_table(root / "meta" / f"{name}_indexes.csv", required=["indexes"]).rows:
            index = row.fact("indexes")
            if not isinstance(index, float) or not index.is_integer() or not 0 <= index < rows:
                raise DataError(
                    f"{row.at('indexes')}: '{row.text('indexes')}' is no row of meta.csv; use 0 to {rows - 1}"
                )
            if int(index) in splits:
                raise DataError(f"{row.at('indexes')}: row {int(index)} has its split already; list each row once")
            splits[int(index)] = split
    return splits


def _study(root: Path, row: Row, split: Split | None) -> Study:
    case = row.text("case_num")
    if not case:
        raise DataError(f"{row.at('case_num')}: is empty; every lesion needs its number")
    labels: dict[str, float] = {}
    for group, (column, classes) in TASKS.items():
        labels |= one_of(group, classes, row.text(column), row.at(column))
    modalities: dict[str, ImageFiles | str] = {}
    problems = [] if split else ["stands in none of the official index files; its split is dealt"]
    for modality in MODALITIES:
        if modality == "clinic" and row.text("clinic") and _one_file(row.text("clinic"), row.text("derm")):
            problems.append(
                f"{row.at('clinic')}: names the dermoscopic image, {row.text('derm')}; no clinical photograph"
            )
            continue
        try:
            path = inside(root / "images", row.text(modality), row.at(modality))
            modalities[modality], more = images_listed([path])
            problems += more
        except DataError as error:
            problems += error.problems
    traits = {name: fact for name in _TRAITS if (fact := row.fact(name)) is not None}
    problems += _score_problems(row, labels)
    return Study(
        case, case, modalities, labels, split=split, traits=traits, problems=tuple(problems), patient_known=False
    )


def _one_file(first: str, second: str) -> bool:
    """Whether two cells name one file: the table writes some names in other case."""
    return Path(first.casefold()) == Path(second.casefold())


def _score_problems(row: Row, labels: Mapping[str, float]) -> list[str]:
    """Whether the criteria add up to the score that the table gives, where all of them are known."""
    score, points = row.fact("seven_point_score"), sum(labels[name] * worth for name, worth in SEVEN_POINTS.items())
    if score is None or math.isnan(points) or score == points:
        return []
    return [f"seven_point_score is {row.text('seven_point_score')}, but its criteria add up to {points:g}; both kept"]
