import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from mmdx import __version__
from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.claims import claims
from mmdx.stats.report.contents import contents
from mmdx.stats.report.page import page
from mmdx.stats.report.plots import SERIES
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.templates import resource

STYLE = resource("mmdx.stats.report.templates", "page.css")


class Reading(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def line(name: str) -> Plot:
    def draw(figure):
        figure.subplots().plot(np.arange(3), np.arange(3), marker="o", color=SERIES[0])

    return Plot(name, f"Plot {name}", "What it shows.", pd.DataFrame({"x": [1.0]}), draw)


SECTION = Section(
    "extra",
    "An <extra> part",
    sentences=("It is 12 % more.",),
    sheets=tuple(Sheet(f"Table {i}", ("row", "x"), (("a", "0.5 [0.4, 0.6]"),)) for i in range(3)),
    plots=(line("first"), line("second")),
    notes=("A note.",),
    record={"x": 1},
)


def read(comparison, sections=()) -> Reading:
    return Reading(page(comparison, contents(comparison, sections)))


def test_the_page_says_what_the_comparison_says(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    reading = read(comparison)
    text = reading.text.replace("\N{NO-BREAK SPACE}", " ")
    assert all(sentence in text for sentence in claims(comparison))
    assert reading.tags.count("svg") == 2
    assert "40 patients, 40 studies, 2 findings, test split" in text
    assert f"with mmdx {__version__}." in text


def test_one_arm_has_no_differences(write_run):
    assert read(compare([write_run("fused", {"ct": 2.0})], resamples=100)).tags.count("svg") == 1


def test_a_section_stands_with_all_that_it_holds(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    text = page(comparison, contents(comparison, [SECTION]))
    part = text[text.index('<section id="extra">') : text.index('<section id="metrics">')]
    found = [
        part.index(each) for each in ("It is 12&nbsp;% more.", "Table 0", "Table 1", "Plot first", "What it shows.")
    ]
    assert found == sorted(found)
    # Further tables fold, below the plots; what is below them stays in sight.
    assert part.index("</figure>") < part.index("<details><summary>Table 2") < part.index("A note.")
    assert "An &lt;extra&gt; part</h2>" in part
    assert '<span class="range">[0.4,&nbsp;0.6]</span>' in part


def test_long_tables_fold(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0})], resamples=100)
    sheet = Sheet("Long", ("row", "x"), tuple((str(i), "1") for i in range(25)))
    text = page(comparison, contents(comparison, [Section("long", "L", sheets=(sheet,))]))
    assert "<details><summary>Long</summary>" in text


def test_the_page_needs_nothing_else_and_runs_nothing(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    reading = read(comparison, [SECTION])
    assert not {"script", "link", "img", "iframe", "image"} & set(reading.tags)
    assert not {"src", "onload", "xlink:href"} & {name for name, _ in reading.attributes}
    assert all(target.startswith("#") for target in reading.values("href"))
    text = page(comparison, contents(comparison, [SECTION]))
    assert not re.search(r"https?:|//|@import|@font-face", text.replace("</", ""))


def test_ids_are_unique_and_every_link_arrives(write_run):
    reading = read(compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100), [SECTION])
    ids = reading.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in reading.values("href")} <= set(ids)
    assert {"headline", "extra", "metrics", "findings", "ground", "notes"} <= set(ids)


def test_names_cannot_become_markup(write_run):
    name = "<img src=x onerror=alert(1)>"
    reading = read(
        compare([write_run("fused", {name: 2.0, "ct+report": 1.0}, findings=("<b>bleed</b>", "a&b"))], resamples=100)
    )
    assert not {"img", "b"} & set(reading.tags)
    assert name in reading.text
    assert "a&b" in reading.text


def test_dark_and_print_change_nothing_but_variables_of_the_bright_page():
    bright = set(re.findall(r"(--\w+):", STYLE[: STYLE.index("@media")]))
    dark = STYLE[STYLE.index("prefers-color-scheme: dark") :]
    dark = dark[: dark.index("} }")]
    assert set(re.findall(r"(--\w+):", dark)) == bright
    assert bright == {"--text", "--quiet", "--line", "--back", "--panel", *(f"--s{i}" for i in range(len(SERIES)))}
    assert "@media print" in STYLE
    assert STYLE.count("{") == STYLE.count("}")
