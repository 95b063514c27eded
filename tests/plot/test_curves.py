"""What is drawn of a comparison is what its page draws: curves, intervals and names, on the axes that were given."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import mmdx
from mmdx.errors import DataError, UsageError
from mmdx.stats.evidence import Evidence, Stated, gather
from mmdx.stats.report.plots import DARK_SERIES, SERIES
from mmdx.stats.report.section import Plot

PLOTS = (mmdx.plot.roc, mmdx.plot.calibration, mmdx.plot.forest)


def table(gain: float, findings: tuple[str, ...], *, patients: int = 60, positive: bool = True) -> pd.DataFrame:
    """Scores that tell the classes the better the larger `gain`; patient i has finding j where bit j of i is set."""
    rng, rows = np.random.default_rng(7), []
    for j, finding in enumerate(findings):
        for i in range(patients):
            label = i >> j & 1 if positive else 0
            rows.append((f"s{i}", f"p{i}", finding, label, 1 / (1 + np.exp(-gain * (label - 0.5) - rng.normal()))))
    return pd.DataFrame(rows, columns=["study_id", "patient_id", "finding", "label", "score"])


def evidence(*findings: str, primary: str | None = None) -> Evidence:
    arms = {"ours $a$": table(3.0, findings), "theirs": table(1.0, findings)}
    return gather(arms, resamples=100, stated=Stated(primary))


@pytest.fixture(scope="module")
def one() -> Evidence:
    return evidence("bleed")


@pytest.fixture(scope="module")
def two() -> Evidence:
    return evidence("bleed", "fracture")


@pytest.fixture(autouse=True)
def settings_stay() -> Iterator[None]:
    """No function changes a setting of matplotlib or leaves a window open."""
    with matplotlib.rc_context({"backend": "agg"}):
        before = dict(matplotlib.rcParams)
        yield
        assert dict(matplotlib.rcParams) == before
    pyplot.close("all")


def of_page(evidence: Evidence, name: str) -> Plot:
    return next(plot for section in evidence.sections for plot in section.plots if plot.name == name)


def lines(axes: Axes, shade: str) -> list[np.ndarray]:
    """What lines of a colour run through."""
    return [np.column_stack(line.get_data()) for line in axes.lines if to_hex(line.get_color()) == shade]


@pytest.mark.parametrize("finding", ["bleed", "fracture"])
def test_the_curve_is_that_of_the_page_under_its_area(two: Evidence, finding: str) -> None:
    axes = mmdx.plot.roc(two, finding)
    numbers = of_page(two, "roc").numbers.query("finding == @finding")
    for place, arm in enumerate(two.comparison.arms):
        rows = numbers.loc[numbers["model"] == arm.name]
        (curve,) = lines(axes, SERIES[place])
        np.testing.assert_array_equal(curve, rows[["1 − specificity", "sensitivity"]].to_numpy())
        label = axes.get_legend().get_texts()[place].get_text()
        assert label == f"{two.comparison.estimates[arm.name, 'auroc', finding].value:.3f}  {arm.name}"
    assert axes.get_title("left") == finding
    assert len(axes.collections) == 2  # a band for each


def test_of_several_findings_the_mean_is_drawn_or_the_primary_one(two: Evidence) -> None:
    axes = mmdx.plot.roc(two)
    assert axes.get_title("left") == "mean over findings"
    label = axes.get_legend().get_texts()[0].get_text()
    assert label.startswith(f"{two.comparison.estimates['ours $a$', 'auroc', None].value:.3f}")
    leading = evidence("bleed", "fracture", primary="fracture")
    titles = [draw(leading).get_title("left") for draw in (mmdx.plot.roc, mmdx.plot.calibration)]
    assert titles == ["fracture", "fracture"]


def test_calibration_is_that_of_the_page_with_its_intervals_and_scores(one: Evidence) -> None:
    axes = mmdx.plot.calibration(one)
    numbers = of_page(one, "reliability").numbers
    for place, arm in enumerate(one.comparison.arms):
        rows = numbers.loc[numbers["model"] == arm.name]
        *bars, curve = lines(axes, SERIES[place])
        np.testing.assert_array_equal(curve, rows[["mean_score", "share_positive"]].to_numpy())
        assert [bar[:, 1].tolist() for bar in bars] == rows[["low", "high"]].to_numpy().tolist()
    (strip,) = axes.child_axes
    assert (strip.get_xlabel(), len(strip.patches)) == ("score", 2)


@pytest.mark.parametrize("differences", [False, True])
def test_a_forest_has_each_estimate_and_its_words(two: Evidence, differences: bool) -> None:
    comparison = two.comparison
    axes = mmdx.plot.forest(comparison, differences=differences)
    values = comparison.differences if differences else comparison.estimates
    expected = []
    for finding in (None, "bleed", "fracture"):
        for arm in comparison.arms[differences:]:
            value = values[arm.name, "auroc", finding]
            estimate = value.estimate if differences else value
            expected += [[estimate.low, estimate.high], [estimate.value]]
    drawn = [line.get_xdata().tolist() for line in axes.lines if line.get_transform() == axes.transData]
    assert drawn == expected
    words = [text.get_text() for text in axes.texts]
    assert [word for word in words if word in ("macro AUROC", "bleed", "fracture")] == [
        "macro AUROC",
        "bleed",
        "fracture",
    ]
    assert ("minus theirs" in words, "ours $a$" in words) == (differences, not differences)
    assert sum(word.startswith("p ") for word in words) == (3 if differences else 0)


def test_one_finding_stands_alone(two: Evidence) -> None:
    words = [text.get_text() for text in mmdx.plot.forest(two, "fracture").texts]
    assert "fracture" in words
    assert "bleed" not in words


def test_what_is_left_as_a_modality_goes_missing_is_that_of_the_page() -> None:
    scores = [table(gain, ("bleed",)).assign(shown=shown) for gain, shown in ((3.0, "ct+report"), (1.0, "ct"))]
    run = gather([pd.concat(scores)], resamples=100)
    numbers = of_page(run, "missing_rate").numbers
    for axes in (mmdx.plot.missing(run), mmdx.plot.missing(run, "report", ax=Figure().subplots())):
        (curve,) = lines(axes, SERIES[0])
        np.testing.assert_array_equal(curve, np.column_stack([numbers["rate"] * 100, numbers["auroc"]]))
    with pytest.raises(UsageError, match=r"^plot.missing: 'ct' was not withheld; known: report$"):
        mmdx.plot.missing(run, "ct")


@pytest.mark.parametrize("plot", PLOTS)
def test_given_axes_are_drawn_on_and_no_other(one: Evidence, plot) -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    assert plot(one, ax=axes) is axes
    assert figure.axes == [axes]
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("plot", PLOTS)
def test_new_axes_stand_alone_and_all_that_is_drawn_lies_on_them(one: Evidence, plot) -> None:
    axes = plot(one)
    assert pyplot.get_fignums() == [axes.figure.number]
    axes.figure.canvas.draw()
    box, page = axes.get_tightbbox(), axes.figure.bbox
    assert page.x0 <= box.x0 < box.x1 <= page.x1 + 1
    assert page.y0 <= box.y0 < box.y1 <= page.y1 + 1


@pytest.mark.parametrize("plot", PLOTS)
def test_on_a_dark_ground_the_colours_are_those_of_the_dark_page(one: Evidence, plot) -> None:
    with pyplot.style.context("dark_background"):
        axes = plot(one)
    assert to_hex(axes.get_facecolor()) == "#000000"
    assert len(lines(axes, DARK_SERIES[0])) > 0
    assert lines(axes, SERIES[0]) == []
    assert to_hex(axes.texts[0].get_color() if axes.texts else axes.title.get_color()) == "#e4e7ea"


def test_what_cannot_be_drawn_is_said_in_one_line(one: Evidence, two: Evidence) -> None:
    with pytest.raises(UsageError, match=r"^plot.roc: no curve of 'bled'; did you mean 'bleed'\? known: bleed$"):
        mmdx.plot.roc(one, "bled")
    jaxtyping.config.update("jaxtyping_disable", True)  # a notebook checks no types
    with pytest.raises(UsageError, match=r"^plot.roc: a Comparison holds numbers and no curves; give the Evidence"):
        mmdx.plot.roc(one.comparison)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=r"^plot.calibration: 'dict' is no comparison; give what mmdx.compare"):
        mmdx.plot.calibration({})  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=r"^plot.calibration: name the finding; known: bleed, fracture$"):
        mmdx.plot.calibration(two)
    with pytest.raises(DataError, match=r"^plot.calibration: no temperature could be fitted, .* leave out scaled$"):
        mmdx.plot.calibration(one, scaled=True)
    with pytest.raises(DataError, match=r"^plot.missing: nothing was withheld from a model; compare a run"):
        mmdx.plot.missing(one)
    with pytest.raises(UsageError, match=r"^plot.forest: no finding 'bled'; did you mean 'bleed'\?"):
        mmdx.plot.forest(one, "bled")
    with pytest.raises(UsageError, match=r"^plot.forest: 'list' is no comparison"):
        mmdx.plot.forest([])  # pyright: ignore[reportArgumentType]
    alone = gather({"ours": table(1.0, ("bleed",), positive=False)}, resamples=100)
    with pytest.raises(DataError, match=r"^plot.roc: no finding has a positive and a negative row"):
        mmdx.plot.roc(alone)
    with pytest.raises(UsageError, match=r"^plot.forest: 'ours' stands alone, and differs from nothing"):
        mmdx.plot.forest(alone, differences=True)
