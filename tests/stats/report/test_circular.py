"""No gain is called shown where labels were made from what a model reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmdx.stats.cohort.origins import Origin
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.circular import circular_lines
from mmdx.stats.report.claims import claims
from mmdx.stats.report.headlines import headlines


@pytest.fixture
def comparison(write_run) -> Comparison:
    run = write_run("fused", {"ct+report": 0.5, "ct": 30.0, "report": 1.0})
    return compare([run], resamples=100)


def circled(comparison: Comparison) -> Comparison:
    made = {"report": "the impression of the report"}
    return replace(comparison, origins=(Origin("fused", circular=made),))


def test_a_gain_by_such_a_text_is_refused(comparison: Comparison):
    told, refused = claims(comparison), claims(circled(comparison))
    assert told[1].startswith("A difference was shown")
    assert "in favour of ct+report over ct" in told[1]
    assert refused[0] == told[0]
    assert refused[1] == (
        "No gain can be called shown: labels were made from the impression of the report, which ct+report reads."
    )
    assert headlines(circled(comparison))[0] == (
        "Labels were made from the impression of the report (data.provenance), which ct+report and report read: no "
        "gain of these can be called shown. Withhold it by data.reports, or take labels from elsewhere."
    )
    assert circular_lines(comparison) == []


def test_among_many_models_too(write_run):
    runs = {"ct+report": 0.5, "ct": 30.0, "report": 40.0, "ct+other": 30.0}
    comparison = circled(compare([write_run("fused", runs)], resamples=400))
    (first, *_) = claims(comparison)
    assert "was shown to be ahead of" in first
    assert "which is no gain that can be called shown, since labels were made from the impression" in first
