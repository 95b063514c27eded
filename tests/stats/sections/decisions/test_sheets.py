"""The tables of decisions."""

from __future__ import annotations

from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.decisions.benefit import finding_rows
from mmdx.stats.sections.decisions.sheets import sheets
from mmdx.stats.sections.decisions.thresholds import at_thresholds


def test_rows_stand_by_threshold_and_the_reference_has_no_difference():
    labels = halves(80, findings=1)
    cohort = cohort_of(labels, {"a": noisy(labels, 1.0), "b": noisy(labels, 2.0)})
    benefits = at_thresholds(cohort, [finding_rows(cohort, 0)], Resampler.of(cohort, resamples=100, seed=0))
    (sheet,) = sheets(cohort, benefits, [], [])
    assert [row[0] for row in sheet.rows[:3]] == ["0.05 · a", "0.05 · b", "0.1 · a"]
    assert sheet.header[-2:] == ("a minus it", "p, Holm")
    assert [row[-2:] for row in sheet.rows[::2]] == [("–", "–")] * 5
    alone = cohort_of(labels, {"a": noisy(labels, 1.0)})
    benefits = at_thresholds(alone, [finding_rows(alone, 0)], Resampler.of(alone, resamples=100, seed=0))
    assert len(sheets(alone, benefits, [], [])[0].header) == 4
