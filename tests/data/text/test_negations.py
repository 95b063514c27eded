"""Reports that say the opposite."""

import pytest

from mmdx.data.text.negations import flipped


@pytest.mark.parametrize(
    ("report", "opposite"),
    [
        ("No bleeding is seen.", "bleeding is seen."),
        ("There is a bleed.", "There is no a bleed."),
        ("Denies a fall; drowsy on arrival.", "a fall; no drowsy on arrival."),
        ("Negative for fracture\nmass absent", "fracture\nmass "),
        ("12/3.", "12/3."),
        ("", ""),
    ],
)
def test_a_clause_that_negates_does_so_no_more_and_one_that_does_not_does(report: str, opposite: str):
    assert flipped(report) == opposite


def test_a_word_that_only_contains_a_negation_negates_nothing():
    assert flipped("Normal nodes noted.") == "no Normal nodes noted."
