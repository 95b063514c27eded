"""Lesions localized: the boxes of every model that draws any, against the boxes that are known."""

from __future__ import annotations

from pathlib import Path

from mmdx.files import BOXES, SLICES
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import with_interval
from mmdx.stats.sections.boxes.measures import Measured, box_metrics
from mmdx.stats.sections.boxes.table import SHOWN, boxes_json


def boxes_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Average precision, lesions found at one false one per study, pointing and overlap.

    Means over the findings that have a box; None where no `_boxes.csv` lies beside a file of predictions.

    Raises `DataError` where such a file is bad.
    """
    metrics_of: dict[str, Measured] = {}
    for number in cohort.models:
        arm = cohort.arms[number]
        path = Path(arm.source).with_name(f"{Path(arm.source).stem.removesuffix(SLICES)}{BOXES}.csv")
        metrics = box_metrics(path, resamples=resampler.resamples, seed=resampler.seed) if path.is_file() else {}
        of_showing = metrics.get(arm.shown)
        if of_showing:
            metrics_of[arm.name] = of_showing
    if not metrics_of:
        return None
    rows = [
        (name, *(with_interval(of_showing["mean"][metric]) for metric in SHOWN))
        for name, of_showing in metrics_of.items()
    ]
    notes = ["Means over the findings that have a true box, 95 % intervals over patients; slices without a box count."]
    if any(len(cohort.scored[number]) > 1 for number in cohort.models):
        notes.append("Of several trainings the first is measured.")
    sheet = Sheet("Boxes", ("model", *SHOWN.values()), tuple(rows))
    return Section("boxes", "Boxes", sheets=(sheet,), notes=tuple(notes), record=boxes_json(metrics_of))
