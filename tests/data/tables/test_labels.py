from __future__ import annotations

import math

import numpy as np
import pytest

from mmdx.data.tables.labels import label_columns, parse_label
from mmdx.data.tables.tables import read_table
from mmdx.errors import DataError


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
    """The label columns of a table with these cells, one column per argument."""
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
