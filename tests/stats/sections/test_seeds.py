"""Trainings of one config: their spread, told apart from the interval over patients."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.sections.seeds import seeds_section

LABELS = np.repeat([[1.0], [0.0]], 20, axis=0)


def ranked(below: int) -> np.ndarray:
    """Scores of 20 positives, of which some stand below all 20 negatives: an AUROC of 1 - below / 20."""
    scores = np.linspace(0.9, 0.2, 40)[:, None]
    scores[:below] = 0.1
    return scores


def test_by_hand():
    """AUROCs of 1.0, 0.9 and 0.8: a mean of 0.9 and an SD of 0.1."""
    section = ask(seeds_section, cohort_of(LABELS, {"image": [ranked(k) for k in (0, 2, 4)]}), resamples=200, seed=0)
    (record,) = section.record["arms"]["auroc"]
    assert record["trainings"] == pytest.approx([1.0, 0.9, 0.8])
    assert (record["mean"]["value"], record["sd"]) == (pytest.approx(0.9), pytest.approx(0.1))
    assert section.sentences[0].startswith(
        "image: over 3 trainings the AUROC for bleed is 0.900 on average with an SD of 0.100 (0.800 to 1.000); over "
        "patients 95 % interval 0."
    )
    assert section.sheets[0].rows[0][4:] == ("0.100", "0.800", "1.000")
    assert record["both"]["low"] < record["mean"]["low"] < 0.9 < record["mean"]["high"] <= record["both"]["high"] == 1.0


def test_more_trainings_do_not_make_the_patients_more():
    one = noisy(LABELS, 3.0)
    few, many = (
        ask(seeds_section, cohort_of(LABELS, {"image": [one] * count}), resamples=200, seed=0).record["arms"]["auroc"][
            0
        ]
        for count in (2, 8)
    )
    assert (few["mean"]["low"], few["mean"]["high"]) == pytest.approx((many["mean"]["low"], many["mean"]["high"]))
    assert many["sd"] == 0.0


def test_the_difference_is_taken_seed_by_seed():
    arms = {"image+report": [ranked(0), ranked(2)], "image": [ranked(2), ranked(4)], "other": [ranked(1)] * 3}
    section = ask(seeds_section, cohort_of(LABELS, arms), resamples=200, seed=0)
    (difference,) = section.record["differences"]
    assert difference["name"] == "image+report minus image"
    assert difference["trainings"] == pytest.approx([0.1, 0.1])
    assert difference["sd"] == pytest.approx(0.0)
    assert "above 0 in 2 of 2" in section.sentences[-1]
    # Trainings that all differ by as much add nothing to the interval over patients.
    assert (difference["both"]["low"], difference["both"]["high"]) == pytest.approx(
        (difference["mean"]["low"], difference["mean"]["high"])
    )
    assert section.sentences[-1].endswith("(not corrected for many comparisons).")


def test_single_trainings_are_no_section():
    assert ask(seeds_section, cohort_of(halves(20), {"image": noisy(halves(20), 1.0)}), resamples=100, seed=0) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_undefined_in_words(name):
    section = ask(seeds_section, wild()[name], resamples=100, seed=0)
    assert all("nan" not in sentence for sentence in section.sentences)
    assert all("nan" not in cell for sheet in section.sheets for row in sheet.rows for cell in row)
