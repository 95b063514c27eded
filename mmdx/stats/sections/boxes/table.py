"""The metrics of boxes as a table for people and as plain values for `metrics.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.table import Table

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


def box_table(metrics: Mapping[str, Measured], title: str = "Boxes") -> Table:
    """A column a showing, a row a metric: its mean over the findings that have a true box."""
    known = {shown: measured["mean"] for shown, measured in metrics.items() if measured}
    table = Table("mean over findings", *known, title=title, title_justify="left")
    for name, words in SHOWN.items():
        table.add_row(words, *(_text(estimates[name]) for estimates in known.values()))
    return table


def to_json(metrics: Mapping[str, Measured]) -> dict[str, Any]:
    """By showing, finding and metric: the value (null where it is undefined), its interval, or why there is none."""
    return {
        shown: {
            finding: {name: _plain(estimate) for name, estimate in estimates.items()}
            for finding, estimates in measured.items()
        }
        for shown, measured in metrics.items()
    }


def _text(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "-"
    if estimate.low is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _plain(estimate: Estimate) -> dict[str, Any]:
    record = estimate.to_json()
    return {key: record[key] for key in ("value", "low", "high", *(["refused"] if estimate.refused else []))}
