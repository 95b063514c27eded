"""Stored texts are met without what is withheld."""

import cohorts

from mmdx.data.loading.reports import Reports
from mmdx.schema import ReportOptions


def test_reports_are_redacted_and_absent_ones_empty(tmp_path):
    store = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "store")
    masked = Reports(store, ReportOptions(mask=("fell",)))
    assert masked.of(1, "report") == "[MASKED] 1 times."
    assert list(masked.over([2, 0], "report")) == ["[MASKED] 2 times.", ""]
    assert Reports(store, ReportOptions()).of(1, "report") == "Fell 1 times."
