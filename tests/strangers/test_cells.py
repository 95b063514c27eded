from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdx.strangers.cells import cell_of, cells_of, text_of


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "'=1"])
def test_a_formula_stays_text(text):
    assert (cell_of(text), text_of(cell_of(text))) == (f"'{text}", text)


@pytest.mark.parametrize("text", ["", "CQ500-1", "-12", "+3.5e-2", "a=b", "'s-Hertogenbosch", "O'Neil"])
def test_what_is_no_formula_is_as_it_was(text):
    assert (cell_of(text), text_of(text)) == (text, text)


@given(st.text(alphabet="'=+-@\t\n1a", max_size=5))
def test_any_text_comes_back(text):
    assert text_of(cell_of(text)) == text


def test_of_a_table_only_texts_change():
    table = pd.DataFrame({"study_id": ["=x", "b"], "score": [-0.5, 1.0], "label": [None, 1]})
    assert cells_of(table).to_dict("list")["study_id"] == ["'=x", "b"]
    assert cells_of(table)["score"].equals(table["score"])
