"""The worst way of lacking a modality, in words, and where nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.report.section import Section
from mmdx.stats.sections.missing.dependent_section import IN_TABLE, dependent_section

LABELS = halves(120, findings=1)


def section(shown: np.ndarray, without: np.ndarray) -> Section:
    arms = {"image+report": shown, "image": without}
    found = ask(dependent_section, cohort_of(LABELS, arms, runs=dict.fromkeys(arms, "fused")), resamples=200)
    assert found is not None
    return found


def test_scores_that_fall_without_the_modality_lose_most_where_the_sick_lack_it():
    """Without it every score is halved: the sick who lack it fall below those who have it and are well."""
    shown = 0.5 + 0.4 * (noisy(LABELS, 1.0) - 0.5)
    found = section(shown, shown / 2)
    (worst,) = (record["worst"] for record in found.record)
    assert (worst["lacking"], worst["odds"]) == ("more often with the finding", 16.0)
    assert found.sentences[0].startswith(
        "At worst, of the ways that were reckoned, image+report loses report more often with the finding (odds 16 "
        "times as high): with "
    )
    assert found.sentences[0].endswith("): a difference was shown.")
    assert len(found.sheets[0].header) == 1 + len(IN_TABLE)
    assert found.sheets[0].rows[0][0] == "by chance"
    assert found.plots[0].numbers["lacking"].nunique() == 5


def test_scores_that_do_not_change_lose_nothing():
    same = noisy(LABELS, 2.0)
    found = section(same, same)
    assert "no way of lacking it that was reckoned costs more than lacking it by chance" in found.sentences[0]


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_undefined_in_words(name):
    found = ask(dependent_section, wild()[name], resamples=100)
    if found is not None:
        assert all("nan" not in sentence for sentence in found.sentences)
        assert all("nan" not in cell for sheet in found.sheets for row in sheet.rows for cell in row)
