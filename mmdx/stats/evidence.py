"""Everything that prediction files show: the comparison, and a section for each question that a reviewer asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdx.stats.cohort import Unit, read_sources
from mmdx.stats.compare import Comparison, compare_cohort
from mmdx.stats.intervals import Kind
from mmdx.stats.section import Section
from mmdx.stats.sections.baselines import baselines_section
from mmdx.stats.sections.confusion import confusion_section
from mmdx.stats.sections.disagreements import disagreements_section
from mmdx.stats.sections.groups import groups_section
from mmdx.stats.sections.learning import learning_section
from mmdx.stats.sections.margin import margin_section
from mmdx.stats.sections.missing import missing_section
from mmdx.stats.sections.pairs import pairs_section
from mmdx.stats.sections.reliability import reliability_section
from mmdx.stats.sections.roc import roc_section
from mmdx.stats.sections.seeds import seeds_section
from mmdx.stats.sections.subgroups import subgroups_section
from mmdx.stats.sources import find_sources, read_verdicts

IN_ORDER = (
    baselines_section,
    missing_section,
    pairs_section,
    seeds_section,
    roc_section,
    reliability_section,
    confusion_section,
    groups_section,
    subgroups_section,
    disagreements_section,
)
Sizes = Mapping[str, Mapping[int, Sequence[Path]]]


@dataclass(frozen=True)
class Evidence:
    """A comparison and its sections, in the order in which they are read."""

    comparison: Comparison
    sections: tuple[Section, ...]


def gather(
    given: Sequence[Path],
    *,
    split: str = "test",
    level: Unit | None = None,
    groups: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    intervals: Kind = "percentile",
    margin: float | None = None,
    sizes: Sizes | None = None,
) -> Evidence:
    """Compares as `compare` does, and asks further. `margin` is how much worse in macro AUROC is no worse; `sizes` are
    the sources of trainings on fewer patients, by arm and number of patients, for the learning curve."""
    sources = find_sources(given, split=split, level=level)
    cohort, verdicts = read_sources(sources, level=level, groups=groups), read_verdicts(sources)
    comparison = compare_cohort(
        cohort, resamples=resamples, seed=seed, intervals=intervals, split=sources[0].split, audits=verdicts
    )
    found = [section(cohort, resamples=resamples, seed=seed) for section in IN_ORDER]
    if margin is not None:
        found.insert(1, margin_section(cohort, margin=margin, resamples=resamples, seed=seed))
    if sizes:
        found.append(learning_section(sizes, resamples=resamples, seed=seed))
    return Evidence(comparison, tuple(section for section in found if section is not None))
