from mmdx.stats.report.words import (
    bounds,
    capitalised,
    counted,
    listed,
    number,
    p_cell,
    p_value,
    with_bounds,
    with_interval,
    with_test,
)
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference

SURE, REFUSED = Estimate(0.9124, 0.8741, 0.9459, 100), Estimate(0.9124, None, None, 100, "too few")
UNDEFINED = Estimate(float("nan"), None, None, 0, "undefined")


def test_cells():
    assert with_interval(SURE) == "0.912 [0.874, 0.946]"
    assert with_interval(REFUSED) == "0.912 [–]"
    assert with_interval(UNDEFINED) == "undefined"


def test_sentences():
    assert bounds(SURE) == "95 % interval 0.874 to 0.946"
    assert with_bounds(SURE) == "0.912 (95 % interval 0.874 to 0.946)"
    assert with_bounds(REFUSED) == "0.912 (no interval: too few)"
    assert with_bounds(UNDEFINED) == "undefined"
    assert with_test(Difference(SURE, 0.018)) == "0.912 (95 % interval 0.874 to 0.946, p = 0.018)"
    assert with_test(Difference(REFUSED, None)) == "0.912 (no interval: too few)"


def test_numbers():
    assert [number(value) for value in (0.9126, -0.0001, 1.0)] == ["0.913", "0.000", "1.000"]
    assert [p_value(p) for p in (0.0009995, 0.001, 1.0)] == ["p < 0.001", "p = 0.001", "p = 1.000"]
    assert [p_cell(p) for p in (0.0009995, 0.018, None, float("nan"))] == ["<0.001", "0.018", "–", "–"]


def test_counts_and_lists():
    assert [counted(1, "study"), counted(2, "study"), counted(0, "patient")] == ["1 study", "2 studies", "0 patients"]
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert capitalised("macro AUROC") == "Macro AUROC"
