from html.parser import HTMLParser

from mmdx.stats.claims import claims
from mmdx.stats.compare import compare
from mmdx.stats.page import page
from mmdx.stats.report import all_sheets


class Reading(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


def read(comparison) -> Reading:
    return Reading(page(comparison, all_sheets(comparison)))


def test_the_page_says_what_the_comparison_says(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    reading = read(comparison)
    text = reading.text.replace("\N{NO-BREAK SPACE}", " ")
    assert all(sentence in text for sentence in claims(comparison))
    assert reading.tags.count("svg") == 2
    assert "40 patients, 40 studies, 2 findings" in text


def test_one_arm_has_no_differences(write_run):
    assert read(compare([write_run("fused", {"ct": 2.0})], resamples=100)).tags.count("svg") == 1


def test_the_page_needs_nothing_else_and_runs_nothing(write_run):
    reading = read(compare([write_run("fused", {"ct": 2.0})], resamples=100))
    assert not {"script", "link", "img", "iframe"} & set(reading.tags)
    assert not {"src", "href", "onload"} & set(reading.attributes)


def test_names_cannot_become_markup(write_run):
    name = "<img src=x onerror=alert(1)>"
    reading = read(
        compare([write_run("fused", {name: 2.0, "ct+report": 1.0}, findings=("<b>bleed</b>", "a&b"))], resamples=100)
    )
    assert not {"img", "b"} & set(reading.tags)
    assert name in reading.text
    assert "a&b" in reading.text


def test_light_dark_and_print_are_styled(write_run):
    text = page(compare([write_run("fused", {"ct": 2.0})], resamples=100), [])
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
