import xml.etree.ElementTree as ElementTree

import pytest

from mmdx.stats.forest import LEFT, PLOT, ForestLine, forest
from mmdx.stats.intervals import Estimate

SVG = "{http://www.w3.org/2000/svg}"


def draw(*lines: ForestLine, **options: float) -> ElementTree.Element:
    return ElementTree.fromstring(forest(lines, title="AUROC", **options))


def test_a_value_and_its_interval_stand_at_their_places():
    root = draw(ForestLine("ct", Estimate(0.75, 0.5, 1.0, 100)))
    (circle,) = root.iter(f"{SVG}circle")
    whisker = next(line for line in root.iter(f"{SVG}line") if line.get("class") == "s0")
    assert float(circle.get("cx", "")) == pytest.approx(LEFT + PLOT / 2)
    assert [float(whisker.get(key, "")) for key in ("x1", "x2")] == [LEFT, LEFT + PLOT]


def test_zero_is_always_in_view():
    root = draw(ForestLine("ct", Estimate(0.2, 0.1, 0.3, 100)), zero=0.0)
    (zero,) = (line for line in root.iter(f"{SVG}line") if line.get("class") == "zero")
    assert float(zero.get("x1", "")) == LEFT


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_value_alone_is_drawn_without_whisker_inside_the_plot(value):
    root = draw(ForestLine("ct", Estimate(value, None, None, 0, "too few")), most=1.0)
    (circle,) = root.iter(f"{SVG}circle")
    assert LEFT <= float(circle.get("cx", "")) <= LEFT + PLOT
    assert not [line for line in root.iter(f"{SVG}line") if line.get("class") == "s0"]


def test_an_undefined_value_is_said_and_not_drawn():
    root = draw(ForestLine("bleed"), ForestLine("ct", Estimate(float("nan"), None, None, 0, "undefined")))
    assert not list(root.iter(f"{SVG}circle"))
    assert "undefined" in [text.text for text in root.iter(f"{SVG}text")]


def test_names_are_escaped_and_long_ones_kept_in_full_in_the_title():
    name = "<script>&" + "x" * 40
    root = draw(ForestLine(name, Estimate(0.5, 0.4, 0.6, 100)))
    assert name in [title.text for title in root.iter(f"{SVG}title")]
    assert not list(root.iter("script"))
