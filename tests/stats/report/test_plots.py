import re
from xml.etree import ElementTree

import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmdx.stats.report.plots import (
    BACK,
    DARK_LINE,
    DARK_SERIES,
    DARK_TEXT,
    LINE,
    QUIET,
    SERIES,
    TEXT,
    colour,
    dash,
    handle,
    mark,
    multiples,
    names_above,
    short,
    svg,
    write_figures,
)
from mmdx.stats.report.section import Plot
from mmdx.templates import resource

NAME = "<script>$a$ & 'b'"


def draw(figure: Figure) -> None:
    axes = multiples(figure, [NAME, "second"])[0]
    axes.plot([0, 0.5, 1], [0, 1, 1], marker="o", color=colour(0))
    axes.fill_between([0, 1], [0, 0.5], [0.5, 1], color=colour(1), alpha=0.2)
    axes.axhline(0.5, color=QUIET)
    names_above(figure, [NAME, "_hidden"], [0, 1])


def plot(name: str = "lines") -> Plot:
    return Plot(name, f"Title {NAME}", "caption", pd.DataFrame({"x": [1]}), draw)


def ids(text: str) -> list[str]:
    return [element.attrib["id"] for element in ElementTree.fromstring(text).iter() if "id" in element.attrib]


def test_the_svg_is_one_image_with_a_title_that_fits_its_page():
    root = ElementTree.fromstring(svg(plot()))
    assert (root.tag, root.get("role"), root.get("viewBox")) == ("svg", "img", "0 0 518.4 302.4")
    assert root.get("style") == "max-width: 958px"
    assert not {"width", "height"} & set(root.attrib)
    assert (root[0].tag, root[0].text) == ("title", f"Title {NAME}")


def test_colours_are_variables_and_letters_the_pages():
    text = svg(plot())
    assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'id="[^"]*"|href="[^"]*"|url\([^)]*\)', "", text))
    assert {"var(--text)", "var(--quiet)", "var(--back)", "var(--s0)", "var(--s1)"} <= set(
        re.findall(r"var\([^)]*\)", text)
    )
    assert "font-family" not in text
    assert "http" not in text
    assert not re.search(r"<(style|metadata|script|image)", text)


def test_names_stay_as_they_are():
    texts = [element.text for element in ElementTree.fromstring(svg(plot())).iter("text")]
    assert texts.count(NAME) == 2
    assert "_hidden" in texts


def test_two_plots_on_a_page_share_no_id_and_point_at_their_own():
    both = [svg(plot("one")), svg(plot("two"))]
    found = [each for text in both for each in ids(text)]
    assert len(found) == len(set(found)) > 4
    for text in both:
        pointed = {*re.findall(r'href="#([^"]*)"', text), *re.findall(r"url\(#([^)]*)\)", text)}
        assert pointed == set(ids(text))


def test_what_is_drawn_does_not_change_from_time_to_time():
    assert svg(plot()) == svg(plot())


def test_the_picture_is_white_and_says_nothing_of_its_maker(tmp_path):
    write_figures(plot(), tmp_path)
    with Image.open(tmp_path / "lines.png") as image:
        assert image.size == (2160, 1260)
        assert image.convert("RGB").getpixel((0, 0)) == tuple(bytes.fromhex(BACK[1:]))
        assert set(image.info) <= {"dpi"}
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.usefixtures("figures_as_pdf")
def test_a_figure_is_lines_and_letters_too_and_the_same_each_time(tmp_path):
    (tmp_path / "again").mkdir()
    for folder in (tmp_path, tmp_path / "again"):
        write_figures(plot(), folder)
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["lines.pdf", "lines.png", "lines.svg"]
    for name in ("lines.pdf", "lines.svg", "lines.png"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert (tmp_path / "lines.pdf").read_bytes().startswith(b"%PDF")
    root = ElementTree.parse(tmp_path / "lines.svg").getroot()
    assert NAME in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(
    ("name", "told"),
    [("ct", "ct"), ("a" * 32, "a" * 32), ("start" + "x" * 40 + "end", "startxxxxxxxxxx…xxxxxxxxxxxxxend")],
)
def test_a_long_name_loses_its_middle(name, told):
    assert short(name) == told


def test_the_page_has_the_colours_of_figures_on_both_grounds():
    bright, dark = re.findall(r":root \{(.*?)\}", resource("mmdx.stats.report.templates", "page.css"), re.S)[:2]
    for text, inks in ((bright, (TEXT, LINE, *SERIES)), (dark, (DARK_TEXT, DARK_LINE, *DARK_SERIES))):
        names = ("text", "line", *(f"s{number}" for number in range(len(SERIES))))
        assert [re.search(rf"--{name}: (#\w+);", text).group(1) for name in names] == list(inks)


def test_arms_of_one_colour_differ_in_mark_and_dash():
    looks = [(colour(i), mark(i), str(dash(i))) for i in range(36)]
    assert len(set(looks)) == 36
    assert looks[0][0] == looks[len(SERIES)][0] == SERIES[0]
    assert len({colour(i) for i in range(8)}) == 8
    assert handle(7, marks=False).get_marker() == ""
