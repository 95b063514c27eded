import re

import pytest

from mmdx.stats.report.latex import escape, latex
from mmdx.stats.report.tables import Sheet


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a_b", r"a\_b"),
        ("95 %", r"95 \%"),
        ("x & y", r"x \& y"),
        ("#1 $2", r"\#1 \$2"),
        ("\\", r"\textbackslash{}"),
        ("{x}", r"\{x\}"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("p < 0.001", r"p \textless{} 0.001"),
        ("0.912 [0.874, 0.946]", "0.912~[0.874,~0.946]"),
        ("-0.031 [-0.050, -0.001]", "$-$0.031~[$-$0.050,~$-$0.001]"),
        ("fold-0", "fold-0"),
        ("0.500 [–]", "0.500~[--]"),
        ("[odd] name", "{[}odd] name"),
    ],
)
def test_text_is_escaped_and_intervals_stay_on_one_line(text, told):
    assert escape(text) == told


def test_a_table_has_three_rules_a_caption_and_a_label():
    text = latex([Sheet("Mean over 2 findings", ("model", "AUROC"), (("ct_a", "0.912 [0.874, 0.946]"),))])
    assert re.findall(r"\\(\w+rule)", text) == ["toprule", "midrule", "bottomrule"]
    assert r"\caption{Mean over 2 findings}\label{tab:mean-over-2-findings}" in text
    assert r"\begin{tabular}{lr}" in text
    assert "ct\\_a & 0.912~[0.874,~0.946] \\\\\n" in text


def test_labels_differ_where_titles_do_not():
    text = latex([Sheet("A b", ("x",), ()), Sheet("A  b!", ("x",), ()), Sheet("a B", ("x",), ())])
    assert re.findall(r"\\label\{(.*?)\}", text) == ["tab:a-b", "tab:a-b.2", "tab:a-b.3"]


def test_a_long_table_runs_over_pages():
    text = latex([Sheet("long", ("x", "y"), tuple((str(i), "1") for i in range(41)))])
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    assert "tabular}" not in text


def test_braces_and_environments_are_balanced_whatever_the_names():
    wild = "}{\\%_&#$~^<>|\"'[]"
    text = latex([Sheet(wild, (wild, wild), ((wild, wild),) * rows) for rows in (1, 50)])
    plain = re.sub(r"\\[{}]", "", text)
    depth = 0
    for mark in plain:
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0
    assert depth == 0
    assert sorted(re.findall(r"\\begin\{(\w+)\}", text)) == sorted(re.findall(r"\\end\{(\w+)\}", text))
