import math

import pandas as pd
import pytest
from matplotlib.figure import Figure

from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.forest import ForestLine, forest_plot, forest_plots
from mmdx.stats.resampling.intervals import Estimate


def drawn(*lines: ForestLine, zero: float | None = None):
    """The axes of a forest plot."""
    figure = Figure(figsize=(7, 3))
    forest_plot("forest", "Forest", "", lines, zero=zero).draw(figure)
    return figure.axes[0]


def places(axes) -> list[list[float]]:
    return [line.get_xdata().tolist() for line in axes.lines if line.get_transform() == axes.transData]


def test_a_value_and_its_interval_stand_at_their_places():
    axes = drawn(ForestLine("ct", Estimate(0.75, 0.5, 1.0, 100)))
    assert places(axes) == [[0.5, 1.0], [0.75]]


def test_zero_is_always_in_view():
    low, high = drawn(ForestLine("ct", Estimate(0.2, 0.1, 0.3, 100)), zero=0.0).get_xlim()
    assert low <= 0 < 0.3 < high


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_value_alone_is_drawn_without_a_bar(value):
    assert places(drawn(ForestLine("ct", Estimate(value, None, None, 0, "too few")))) == [[value]]


def test_an_undefined_value_is_said_and_not_drawn():
    axes = drawn(ForestLine("bleed"), ForestLine("ct", Estimate(math.nan, None, None, 0, "undefined")))
    assert places(axes) == []
    assert "undefined" in [text.get_text() for text in axes.texts]


def test_the_numbers_are_those_of_the_comparison(write_run):
    comparison = compare([write_run("fused", {"ct+report": 1.0, "ct": 2.0})], resamples=100)
    differences, auroc = forest_plots(comparison)
    assert (differences.name, auroc.name) == ("differences", "auroc")
    assert auroc.numbers["group"].tolist() == ["macro AUROC"] * 2 + ["bleed"] * 2 + ["fracture"] * 2
    for row in auroc.numbers.itertuples():
        estimate = comparison.estimates[row.line, "auroc", None if row.group == "macro AUROC" else row.group]
        assert (row.value, row.low, row.high) == (estimate.value, estimate.low, estimate.high)
    first = differences.numbers.iloc[0]
    assert first["line"] == "minus ct"
    assert first["value"] == comparison.differences["ct", "auroc", None].estimate.value
    assert first["beside"].startswith("p ")


def test_many_findings_stand_apart_from_their_mean(write_run):
    findings = tuple(f"f{i}" for i in range(5))
    shown = {f"a{i}": 1.0 for i in range(7)}
    comparison = compare([write_run("fused", shown, findings=findings)], resamples=100)
    names = [plot.name for plot in forest_plots(comparison)]
    assert names == ["differences", "auroc", "differences_by_finding", "auroc_by_finding"]


def test_a_mean_over_one_finding_stands_there_once(tmp_path):
    rows = [("f", "fever", i, i % 2) for i in range(20)] + [("r", "rare", i, 1) for i in range(20)]
    table = pd.DataFrame(
        {
            "study_id": [f"s{i}" for _, _, i, _ in rows],
            "patient_id": [f"p{i}" for _, _, i, _ in rows],
            "finding": [finding for _, finding, _, _ in rows],
            "label": [label for *_, label in rows],
            "score": [(i * 7 % 20) / 20 for _, _, i, _ in rows],
        }
    )
    (plot,) = forest_plots(compare({"ours": table}, resamples=100))
    assert plot.numbers["group"].tolist() == ["fever", "rare"]


def test_one_arm_and_one_finding_have_one_line(write_run):
    (plot,) = forest_plots(compare([write_run("fused", {"ct": 1.0}, findings=("bleed",))], resamples=100))
    assert plot.numbers[["group", "line"]].values.tolist() == [["bleed", "ct"]]
