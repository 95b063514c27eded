"""Whether a run's model uses its inputs: they are exchanged, and what comes of it is measured."""

from __future__ import annotations

from pathlib import Path

from mmdx.data.counting import Count, uncounted
from mmdx.engine.scoring.swaps.write import MOST_STUDIES, write_swaps
from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.sections.inputs.section import inputs_section

RESAMPLES = 2000


def measured_inputs(folder: Path, *, most: int = MOST_STUDIES, count: Count = uncounted) -> Section:
    """Writes the swaps of a run beside its predictions, and makes of them the section that its comparison has.

    Raises as `write_swaps` does.
    """
    path = write_swaps(folder, most=most, count=count)
    cohort = read_cohort([folder], unit="study")
    resampler = Resampler.of(cohort, resamples=RESAMPLES, seed=0).telling("inputs", count)
    section = inputs_section(cohort, resampler)
    if section is None:
        raise DataError(f"{path}: is of other inputs than the predictions beside it; score the run by mmdx evaluate")
    return section
