"""Folds: how a result varies over the models of a cross-validation, beside how it would vary with other patients."""

from __future__ import annotations

from pathlib import Path

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.sections.folds.spread import Spread, spread_cell, spread_over
from mmdx.stats.significance.corrections import Key

SCORED = (PRIMARY.name, "ap")


def folds_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The primary finding, or the macro means, by fold of every model that was cross-validated; None where none was.

    Nothing is resampled here. Raises `DataError` where a fold's file is bad.
    """
    by_arm: dict[str, dict[str, Spread]] = {}
    read: dict[tuple[Path, ...], dict[Key, Spread]] = {}
    for number in cohort.models:
        arm = cohort.arms[number]
        path = Path(arm.source)
        run = path.parent.parent
        parts = tuple(sorted(run.glob(f"fold-*/predictions/{path.name}"), key=lambda part: int(part.parts[-3][5:])))
        if (run / "folds.csv").is_file() and parts:
            if parts not in read:
                read[parts] = spread_over(parts)
            by_arm[arm.name] = {metric: read[parts][arm.shown, metric, cohort.primary_finding] for metric in SCORED}
    if not by_arm:
        return None
    rows = [(name, *(spread_cell(spread) for spread in spreads.values())) for name, spreads in by_arm.items()]
    counts = {len(spread.values) for spreads in by_arm.values() for spread in spreads.values()}
    count = f"{counts.pop()} folds" if len(counts) == 1 else "folds"
    named = "Macro means" if cohort.primary_finding is None else cohort.primary_finding
    sheet = Sheet(f"{named} over {count}: mean [lowest, highest]", ("model", *_titles()), tuple(rows))
    notes = (
        "Each fold is scored by its own model, on its own patients. How folds differ is no interval: their training "
        "sets overlap, and few patients are in each. It is never added to the intervals over patients, which are over "
        "the patients of all folds.",
        *(("Of several trainings the first is shown.",) if any(arm.seeds > 1 for arm in cohort.arms) else ()),
    )
    record = {
        name: {metric: spread.to_json() for metric, spread in spreads.items()} for name, spreads in by_arm.items()
    }
    return Section("folds", "Folds", sheets=(sheet,), notes=notes, record=record)


def _titles() -> list[str]:
    return [METRICS[metric].title for metric in SCORED]
