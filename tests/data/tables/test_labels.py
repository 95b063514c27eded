from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from mmdx.data.tables.labels import check_studies, label_columns, parse_label
from mmdx.data.tables.tables import read_table
from mmdx.errors import DataError
from mmdx.study import Box, ImageFiles, ImageRef, Order, Study, VectorFiles

TWO_IMAGES = ImageFiles((ImageRef(Path("1.png")), ImageRef(Path("2.png"))), Order("filename"))
GOOD = Study("s1", "p1", {"ct": TWO_IMAGES, "report": "Fell off a ladder."}, {"any": 1.0, "fracture": math.nan})


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        *((one, 1.0) for one in (1, 1.0, True, np.float32(1), np.bool_(True), "1", " 1 ", "1.0", "True")),
        *((zero, 0.0) for zero in (0, 0.0, False, np.int64(0), np.bool_(False), "0", "0.0\n", "false")),
    ],
)
def test_a_label_in_any_spelling(cell, label):
    assert parse_label(cell, "here") == label


@pytest.mark.parametrize("cell", [None, "", "  ", "nan", "NaN", math.nan, np.float64("nan")])
def test_an_empty_cell_is_unknown(cell):
    assert math.isnan(parse_label(cell, "here"))


@pytest.mark.parametrize("cell", ["yes", "2", -1, 0.5, "1,0", [1], {}, math.inf])
def test_anything_else_is_refused_where_it_stands(cell):
    with pytest.raises(DataError) as error:
        parse_label(cell, "m.csv, row 3, column 'any'")
    assert str(error.value).startswith("m.csv, row 3, column 'any': label is ")
    assert "use 1, 0 or leave it empty for unknown" in str(error.value)


@pytest.mark.parametrize("cell", ["-1", -1.0, " -1 "])
def test_an_uncertain_label_is_refused_as_one(cell):
    with pytest.raises(DataError, match=r"label is '.*', the mark of an uncertain one in some data sets; use 1, 0 or"):
        parse_label(cell, "here")


def columns(tmp_path, **cells):
    """The label columns of a table with these cells, a column an argument."""
    rows = zip(*cells.values(), strict=True)
    path = tmp_path / "t.csv"
    path.write_text("\n".join(",".join(row) for row in [tuple(cells), *rows]) + "\n")
    return label_columns(read_table(path), tuple(cells))


def test_columns_in_which_most_filled_cells_are_labels_hold_labels(tmp_path):
    cells = {"bleed": ["1", "0", "1", ""], "rare": ["", "", "", "1"], "empty": ["", "", "", ""]}
    cells |= {"age": ["44", "1", "60", "71"], "sex": ["F", "M", "F", ""]}
    assert columns(tmp_path, n=["a", "b", "c", "d"], **cells) == ("bleed", "rare")


@pytest.mark.parametrize("filled", [("1", "2"), ("0", "yes"), ("1", "-1", "-1", "-1")])
def test_another_value_in_a_label_column_is_refused_with_a_way_out(tmp_path, filled):
    line = rf"t\.csv, row 3, column 'mass': label is '{filled[1]}'.*; if 'mass' is no label, name .* findings="
    with pytest.raises(DataError, match=line) as error:
        columns(tmp_path, mass=filled)
    assert len(error.value.problems) == 1


def test_good_studies_pass():
    unreadable = Study("s2", "", {}, problems=("scan.dcm: broken header",))
    check_studies([GOOD, unreadable, dataclasses.replace(GOOD, study_id="s3")])


def changed(**fields) -> list[Study]:
    return [dataclasses.replace(GOOD, **fields)]


@pytest.mark.parametrize(
    ("studies", "line"),
    [
        ([GOOD, GOOD], "study 's1': listed 2 times; give each study its own study_id"),
        (
            [GOOD, dataclasses.replace(GOOD, patient_id="p2")],
            "study 's1': stands under the patients 'p1', 'p2'; give each its own study_id",
        ),
        (changed(patient_id=" "), "study 's1': has no patient_id; patients cannot be split without one"),
        (changed(modalities={}), "study 's1': has no modality and no problem says why"),
        (changed(modalities={"report": " "}), "study 's1': modality 'report' is empty text"),
        (changed(modalities={"ct": ImageFiles((), Order("unknown"))}), "study 's1': modality 'ct' has no images"),
        (changed(modalities={"slide": VectorFiles((), 4)}), "study 's1': modality 'slide' has no descriptors"),
        (
            changed(modalities={"ct": dataclasses.replace(TWO_IMAGES, order=Order("filename", gaps=(2,)))}),
            "study 's1': the order of 'ct' points at image 2, of 2",
        ),
        (changed(labels={"any": 0.5}), "study 's1': label of 'any' is 0.5"),
        (
            changed(slice_labels={"ct": {"any": (1.0,)}}),
            "study 's1': 1 slice labels of 'any' for 2 images of 'ct'; give one an image",
        ),
        (changed(slice_labels={"ct": {"any": (1.0, 3.0)}}), "study 's1': a slice label of 'any' on 'ct' is not 1, 0"),
        (changed(slice_labels={"mr": {"any": (1.0,)}}), "study 's1': slice labels for 'mr', which is no image"),
        (
            changed(boxes=(Box("ct", 0, "mass", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'mass' on 'ct' names a finding that",
        ),
        (
            changed(boxes=(Box("ct", 2, "any", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'ct' points at image 2, of 2",
        ),
        (
            changed(boxes=(Box("mr", 0, "any", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'mr' names no image modality",
        ),
        (
            changed(boxes=(Box("ct", 0, "any", 3.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'ct' runs from (3, 0) to",
        ),
    ],
)
def test_a_contradiction_is_one_line(studies, line):
    with pytest.raises(DataError) as error:
        check_studies(studies)
    assert [problem.startswith(line) for problem in error.value.problems] == [True]


def test_all_contradictions_are_told_at_once():
    with pytest.raises(DataError) as error:
        check_studies([GOOD, GOOD, *changed(study_id="s2", patient_id="", labels={"any": 7.0})])
    assert len(error.value.problems) == 3
