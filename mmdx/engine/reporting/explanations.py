"""Whether the explanations of a run point to what its model uses: they are checked, and that is measured."""

from __future__ import annotations

from pathlib import Path

from mmdx.data.counting import Count, uncounted
from mmdx.engine.scoring.checking.write import MOST_STUDIES, write_explanations
from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.sections.explanations.section import explanations_section

RESAMPLES = 2000


def checked_explanations(folder: Path, *, most: int = MOST_STUDIES, count: Count = uncounted) -> Section:
    """Writes the checked explanations of a run beside its predictions, and makes of them the section that its
    comparison has. Raises as `write_explanations` does, and `DataError` where they are of no finding that leads."""
    path = write_explanations(folder, most=most, count=count)
    cohort = read_cohort([folder], unit="study")
    section = explanations_section(cohort, Resampler.of(cohort, resamples=RESAMPLES, seed=0))
    if section is None:
        raise DataError(f"{path}: no test study that could be explained has a finding that the comparison leads with")
    return section
