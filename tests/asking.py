"""Sections of a comparison, asked of a cohort with resamples of its own patients."""

from collections.abc import Callable

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.compare import Comparison, compare_cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section


def ask(
    section: Callable[[Cohort, Resampler], Section | None], cohort: Cohort, *, resamples: int, seed: int = 0
) -> Section | None:
    return section(cohort, Resampler.of(cohort, resamples=resamples, seed=seed))


def compared(cohort: Cohort, *, resamples: int, seed: int = 0) -> Comparison:
    """The comparison of a cohort over resamples of its patients."""
    return compare_cohort(cohort, Resampler.of(cohort, resamples=resamples, seed=seed))
