"""The metrics of boxes as a table for people and as plain values for `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import with_interval
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.sections.boxes.measures import Measured

SHOWN = {
    "ap50": "AP at IoU 0.5",
    "ap": "AP at 0.5 to 0.95",
    "sensitivity_1_per_study": "found at 1 false a study",
    "pointing": "pointing game",
    "overlap": "IoU of the likeliest",
}
"""The metrics of the table; all stand in `metrics.json`."""


def boxes_sheet(metrics: Mapping[str, Measured]) -> Sheet:
    """One row per metric, one column per showing: the mean over the findings that have a true box."""
    means = {shown: measured["mean"] for shown, measured in metrics.items() if measured}
    rows = [(words, *(with_interval(estimates[name]) for estimates in means.values())) for name, words in SHOWN.items()]
    return Sheet("Boxes", ("mean over findings", *means), tuple(rows))


def boxes_json(metrics: Mapping[str, Measured]) -> dict[str, Any]:
    """By showing, finding and metric: the value (null where it is undefined), its interval, or why there is none."""
    return {
        shown: {
            finding: {name: _plain(estimate) for name, estimate in estimates.items()}
            for finding, estimates in measured.items()
        }
        for shown, measured in metrics.items()
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    record = estimate.to_json()
    return {key: record[key] for key in ("value", "low", "high", *(["refused"] if estimate.refused else []))}
