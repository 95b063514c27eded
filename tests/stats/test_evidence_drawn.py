"""Every plot of the claims can be drawn, and every record written as JSON, where little is defined, too."""

from __future__ import annotations

import json
from functools import partial

import pytest
from arms_by_hand import wild
from asking import ask

from mmdx.stats.comparison.compare import compare_cohort
from mmdx.stats.report.plots import svg
from mmdx.stats.sections.baselines import baselines_section
from mmdx.stats.sections.margin import margin_section
from mmdx.stats.sections.missing.section import missing_section
from mmdx.stats.sections.pairs.section import pairs_section
from mmdx.stats.sections.seeds import seeds_section
from mmdx.stats.sections.subgroups.section import subgroups_section

SECTIONS = (
    lambda cohort, resampler: baselines_section(compare_cohort(cohort, resampler)),
    partial(margin_section, margin=0.02),
    missing_section,
    pairs_section,
    seeds_section,
    subgroups_section,
)


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_can_be_drawn_and_written(name):
    drawn = 0
    for section in SECTIONS:
        found = ask(section, wild()[name], resamples=100)
        if found is not None:
            json.dumps(found.record, allow_nan=False)
            for plot in found.plots:
                assert svg(plot).startswith("<svg")
                drawn += 1
    assert drawn >= 4
