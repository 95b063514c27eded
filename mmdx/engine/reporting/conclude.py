"""What a run says in the end: its comparison, its boxes, its descriptions, as `metrics.json`, `card.md` and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.engine.reporting.model_card import Ground, card
from mmdx.engine.scoring.boxes import BOXES
from mmdx.engine.scoring.grad_cam import GRAD_CAM
from mmdx.engine.scoring.orders import SliceOrders, slice_orders
from mmdx.engine.scoring.texts import judge
from mmdx.files import RunLayout, write_json, write_text
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.markdown import markdown
from mmdx.stats.report.terminal import noted_table, sheet_table, summary_tables
from mmdx.stats.sections.boxes.measures import Measured, box_metrics
from mmdx.stats.sections.boxes.table import boxes_json, boxes_sheet
from mmdx.stats.texts import Descriptions
from mmdx.study import Split


@dataclass(frozen=True)
class Results:
    """What a test split shows: of the findings, of its slices where these judged the epochs and are not the comparison
    itself, of boxes by showing, of descriptions where a head writes."""

    comparison: Comparison
    slices: Comparison | None
    boxes: Mapping[str, Measured]
    descriptions: Descriptions | None


def conclude(run: RunLayout, saved: SavedModel, store: Store, splits: Splits, reports: pd.DataFrame | None) -> Results:
    """What one checkpoint was shown, compared on the test split: `metrics.json`, `reporting.md`, and last `card.md`."""
    comparison = compare([run.folder], split="test")
    results = Results(
        comparison,
        judging_slices(run, saved, comparison),
        measured_boxes(run.predictions, "test"),
        None if reports is None else judge(saved, store, splits, reports),
    )
    orders = orders_of(saved, store)
    found = metrics(saved, results.comparison) | {"slice_orders": asdict(orders)}
    found |= {"slices": results.slices.to_json()} if results.slices else {}
    found |= {"boxes": boxes_json(results.boxes)} if results.boxes else {}
    found |= {"descriptions": results.descriptions.to_json()} if results.descriptions else {}
    write_json(run.metrics, found)
    write_reporting(run.folder)
    told = ["Split by patient (`splits.csv`). Scores are probabilities, not calibrated."]
    if saved.config.data.train_patients is not None:
        told.append(f"Trained on {saved.config.data.train_patients} patients; other training studies are `unused`.")
    told += [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in orders.sentences()]
    ground = Ground(run, saved, results.comparison, results.slices)
    write_text(run.card, card(ground, told, markdown(results.comparison)))
    return results


def judging_slices(run: RunLayout, saved: SavedModel, comparison: Comparison) -> Comparison | None:
    """The comparison of the slices that judged the epochs, beside one of studies; else None."""
    if saved.config.train.judge != "slices" or comparison.unit == "slice":
        return None
    return compare([run.folder], split="test", level="slice")


def tell_results(results: Results, console: Console) -> None:
    """Prints the tables of a test split."""
    console.print(summary_tables(results.comparison))
    if results.slices is not None:
        console.print("\nslices, each by itself", style="bold", highlight=False)
        console.print(summary_tables(results.slices))
    if results.boxes:
        console.print(sheet_table(boxes_sheet(results.boxes)))
    if results.descriptions is not None:
        console.print(noted_table(results.descriptions.sheet(), results.descriptions.notes()))


def tell_scores(path: Path, split: Split, console: Console) -> None:
    """Prints what a prediction file shows, and the boxes beside it."""
    console.print(summary_tables(compare([path])))
    boxes = measured_boxes(path.parent, split)
    if boxes:
        console.print(sheet_table(boxes_sheet(boxes)))
    console.print(f"predictions:  {path}", markup=False, highlight=False)


def orders_of(saved: SavedModel, store: Store) -> SliceOrders:
    """How the images of the whole store are read by a model."""
    return slice_orders(saved.model, saved.config, store, range(len(store)))


def measured_boxes(predictions: Path, split: Split) -> dict[str, Measured]:
    """The metrics of a split's boxes by showing, and of those around Grad-CAM where they lie there; else empty."""
    measured: dict[str, Measured] = {}
    for suffix, words in ((BOXES, ""), (GRAD_CAM, " (Grad-CAM)")):
        path = predictions / f"{split}{suffix}"
        if path.is_file():
            measured |= {f"{shown}{words}": values for shown, values in box_metrics(path).items() if values}
    return measured


def metrics(saved: SavedModel, comparison: Comparison) -> dict[str, Any]:
    """What `metrics.json` holds of the findings."""
    return comparison.to_json() | {"reports": saved.config.data.reports.model_dump(mode="json")}
