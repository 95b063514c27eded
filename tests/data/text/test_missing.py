"""A text that says there is none is none, and nothing that says more is taken for one."""

from __future__ import annotations

import pytest

from mmdx.data.text.missing import LEFT_OUT, says_nothing, without_empty
from mmdx.study import ImageFiles, Order, Study


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "nan",
        "NaN",
        "None",
        " <NA> ",
        "null",
        "N/A",
        "n/a",
        "#N/A",
        "-",
        "—",
        "?",
        "\u200b",
        "\ufeffnan\u2060",
    ],
)
def test_words_for_an_empty_cell(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["None seen.", "nano", "No", "0", "nan nan", "NAD", "+", "normal", "無"])
def test_whatever_says_more_is_a_text(text: str) -> None:
    assert not says_nothing(text)


def test_a_study_keeps_the_rest_and_says_what_it_lost() -> None:
    images = ImageFiles((), Order("given"))
    study = Study("s", "p", {"image": images, "report": "nan", "history": "Fall."}, {}, problems=("old",))
    plain = Study("t", "p", {"report": "Fall."}, {})
    (left, same) = without_empty([study, plain])
    assert left.modalities == {"image": images, "history": "Fall."}
    assert left.problems == ("old", f"text 'report' {LEFT_OUT}")
    assert same is plain
