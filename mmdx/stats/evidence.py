"""Everything that prediction files show: the comparison, and a section for each question that a reviewer asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.text import Text

from mmdx.stats.cohort.ablation_folder import asked_for, with_slices
from mmdx.stats.cohort.cohort import Unit, read_sources
from mmdx.stats.cohort.sources import find_sources, read_verdicts
from mmdx.stats.comparison.compare import Comparison, compare_cohort
from mmdx.stats.report.section import Section
from mmdx.stats.report.terminal import summary_tables, write_comparison
from mmdx.stats.resampling.intervals import Kind
from mmdx.stats.sections.baselines import baselines_section
from mmdx.stats.sections.boxes.section import boxes_section
from mmdx.stats.sections.classes.section import groups_section
from mmdx.stats.sections.confusion import confusion_section
from mmdx.stats.sections.disagreements import disagreements_section
from mmdx.stats.sections.folds.section import folds_section
from mmdx.stats.sections.learning import learning_section
from mmdx.stats.sections.margin import check_margin, margin_section
from mmdx.stats.sections.missing.section import missing_section
from mmdx.stats.sections.pairs.section import pairs_section
from mmdx.stats.sections.reliability.section import reliability_section
from mmdx.stats.sections.roc.section import roc_section
from mmdx.stats.sections.seeds import seeds_section
from mmdx.stats.sections.subgroups.section import subgroups_section

IN_ORDER = (
    missing_section,
    pairs_section,
    seeds_section,
    folds_section,
    roc_section,
    reliability_section,
    confusion_section,
    groups_section,
    boxes_section,
    subgroups_section,
    disagreements_section,
)


@dataclass(frozen=True)
class Evidence:
    """A comparison and its sections, in the order in which they are read; `left_out` says what an ablation lacks.

    `reference` is the run folder of the first arm, where it has one.
    """

    comparison: Comparison
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()
    reference: Path | None = None


def evidence_tables(evidence: Evidence, *, finding: str | None = None) -> Group:
    """The comparison for a terminal, and what an ablation lacks."""
    lacking = [Text(line, style="dim") for line in evidence.left_out]
    return Group(summary_tables(evidence.comparison, finding=finding), *lacking)


def write_evidence(evidence: Evidence, out: Path) -> None:
    """Leaves all of it in a folder (`write_comparison`)."""
    write_comparison(evidence.comparison, evidence.sections, out)


def gather(
    given: Sequence[Path],
    *,
    split: str = "test",
    level: Unit | None = None,
    resamples: int = 2000,
    seed: int = 0,
    intervals: Kind = "percentile",
    margin: float | None = None,
) -> Evidence:
    """Compares run folders, prediction files, or all of an ablation folder as `compare` does, and asks further.

    `margin` is how much worse in macro AUROC is no worse.
    """
    if margin is not None:
        check_margin(margin)  # before any minute is spent
    asked = asked_for(given)
    asked = with_slices(asked, split) if level == "slice" and asked.groups else asked
    sources = find_sources(asked.given, split=split, level=level)
    cohort = read_sources(sources, level=level, groups=asked.groups, fullest=asked.fullest)
    verdicts = read_verdicts(sources)
    comparison = compare_cohort(
        cohort, resamples=resamples, seed=seed, intervals=intervals, split=sources[0].split, audits=verdicts
    )
    found = [baselines_section(comparison)]
    if margin is not None:
        found.append(margin_section(cohort, margin=margin, resamples=resamples, seed=seed))
    found += [section(cohort, resamples=resamples, seed=seed) for section in IN_ORDER]
    if asked.sizes:
        found.append(learning_section(asked.sizes, resamples=resamples, seed=seed, split=split, level=level))
    kept = tuple(section for section in found if section is not None)
    return Evidence(comparison, kept, asked.left_out, sources[0].folder)
