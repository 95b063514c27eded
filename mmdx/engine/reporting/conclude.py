"""What a run shows in the end: its comparison, boxes and descriptions, as values, `metrics.json` and `card.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from mmdx.data.counting import Count
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.engine.reporting.model_card import CardInputs, card
from mmdx.engine.runs.record import read_members
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.orders import SliceOrders, slice_orders
from mmdx.engine.scoring.texts import descriptions_of
from mmdx.files import BOXES, BOXES_GRAD_CAM, ModelLayout, RunLayout, scores_name, write_json, write_text
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.markdown import markdown
from mmdx.stats.report.words import with_interval
from mmdx.stats.sections.boxes.measures import Measured, box_metrics
from mmdx.stats.sections.boxes.table import boxes_json
from mmdx.stats.texts import Descriptions
from mmdx.strangers.bounded import read_json
from mmdx.study import PATIENTS_UNKNOWN, Split
from mmdx.templates import code_span


@dataclass(frozen=True)
class Results:
    """What a test split shows: of the findings, of its slices where these judged the epochs and are not the comparison
    itself, of boxes by showing, of descriptions where a head writes."""

    comparison: Comparison
    slices: Comparison | None
    boxes: Mapping[str, Measured]
    descriptions: Descriptions | None

    def headline(self) -> str:
        """The AUROC of the fullest showing, in one line: of the primary finding, and then the macro mean."""
        shown, values = self.comparison.reference.name, []
        for finding in self.comparison.leads:
            auroc = with_interval(self.comparison.estimates[shown, "auroc", finding])
            values.append(f"macro AUROC {auroc}" if finding is None else f"AUROC for {finding} {auroc}")
        return f"test {self.comparison.unit}, {shown}: {', '.join(values)}"


@dataclass(frozen=True)
class Scores:
    """A file of predictions that was scored again: its comparison, its boxes by showing, and the page of the comparison
    where one was written."""

    path: Path
    comparison: Comparison
    boxes: Mapping[str, Measured]
    page: Path | None = None


def scores_of(path: Path, split: Split, count: Count | None = None) -> Scores:
    """What a prediction file of a split shows, with the boxes that lie beside it; `count` is told how far it is."""
    return Scores(path, compare([path], count=count), measured_boxes(path.parent, split))


def conclude(setting: Setting, saved: SavedModel, reports: pd.DataFrame | None) -> Results:
    """What the best model was shown, compared on the test split: `metrics.json`, `reporting.md`, and last `card.md`.

    `reports` are the texts that a head wrote, where one does.
    """
    run, store = setting.run, setting.store
    comparison = compare([run.folder], split="test", count=setting.count)
    results = Results(
        comparison,
        judging_slices(run, saved, comparison, setting.count),
        measured_boxes(run.predictions, "test"),
        None if reports is None else descriptions_of(setting, saved, reports),
    )
    orders = orders_of(saved, store)
    content = metrics(saved, results.comparison) | {"slice_orders": asdict(orders)}
    content |= {"slices": results.slices.to_json()} if results.slices else {}
    content |= {"boxes": boxes_json(results.boxes)} if results.boxes else {}
    content |= {"descriptions": results.descriptions.to_json()} if results.descriptions else {}
    write_json(run.metrics, content)
    paragraphs = [f"{_split_by(store)} {making_of(run)}", *weights_of(run)]
    if saved.others:
        paragraphs.append(_of_ensemble(run))
    if (count := saved.config.data.train_patients) is not None:
        paragraphs.append(f"Trained on {count} patients; other training studies are `unused`.")
    paragraphs += [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in orders.sentences()]
    card_inputs = CardInputs(run, saved.config, saved.facts, results.comparison, results.slices)
    text = card(card_inputs, paragraphs, markdown(results.comparison))  # draws the figure that the checklists name
    write_reporting(run.folder)
    write_text(run.card, text)
    return results


def _split_by(store: Store) -> str:
    """Whether a patient is in one split alone, as far as anybody can say."""
    if store.patients_unknown:
        return f"Split by study (`splits.csv`): {PATIENTS_UNKNOWN}, as nothing says whose the studies are."
    return "Split by patient (`splits.csv`)."


def _of_ensemble(run: RunLayout) -> str:
    """What the card says of an ensemble: of which runs it is, and how it answers."""
    members = read_members(run)
    runs = ", ".join(f"{code_span(Path(member['run']).name)} (seed {member['seed']})" for member in members)
    return (
        f"An ensemble of {len(members)} models, those of {runs}: the mean of their calibrated logits; the column "
        "`spread` is the standard deviation of their own scores. A study is test where it was test for all."
    )


def making_of(run: RunLayout) -> str:
    """Which weights stay, and what scores mean, in a sentence or two for the card."""
    stacked = ModelLayout(run.best).stack.is_file()
    joined = (
        "Answers to studies join those of the network and of linear models beside it (`checkpoints/best/stack.json`)"
    )
    if not run.final.is_file():
        return (
            f"{joined}, each counting as validation studies say, by which they are calibrated; other scores are not."
            if stacked
            else "Scores are not calibrated: they rank, and are no probabilities."
        )
    final = read_json(run.final)
    if "members" in final:
        return (
            "The members learned from training and validation studies; `predictions/val.csv` is the mean of what they "
            "said of these out of fold. Scores are calibrated by that."
        )
    models = "one model" if final["folds"] == 1 else f"{final['folds']} models"
    return (
        f"The model learned from training and validation studies for {final['epochs']} of {final['of']} epochs. Scores "
        f"of {models} on studies of these that they had not seen (`predictions/val.csv`) chose that length, calibrated "
        f"the scores and set thresholds.{f' {joined}, weighed by the same scores.' if stacked else ''}"
    )


def weights_of(run: RunLayout) -> list[str]:
    """How much each answer of a stack counts by what a study is shown, mean over findings; empty without a stack."""
    path = ModelLayout(run.best).stack
    if not path.is_file():
        return []
    lines, weightings = [], read_json(path)["weightings"]
    for weighting in (part for part in weightings if part["shown"]):
        means = {member: fmean(weights.values()) for member, weights in weighting["weight"].items()}
        counts = ", ".join(f"{member} {mean:.2f}" for member, mean in means.items() if round(mean, 2))
        lines.append(f"- {code_span('+'.join(weighting['shown']))}: {counts or 'none of them'}")
    return ["\n".join(["Weights of these answers by what is shown (of logits, mean over findings):\n", *lines])]


def judging_slices(
    run: RunLayout, saved: SavedModel, comparison: Comparison, count: Count | None = None
) -> Comparison | None:
    """The comparison of the slices that judged the epochs, beside one of studies; else None. `count` is told how far it
    is."""
    if saved.config.train.judge != "slices" or comparison.unit == "slice":
        return None
    return compare([run.folder], split="test", unit="slice", count=count)


def orders_of(saved: SavedModel, store: Store) -> SliceOrders:
    """How the images of the whole store are read by a model."""
    return slice_orders(saved.model, saved.config, store, range(len(store)))


def measured_boxes(predictions: Path, split: Split) -> dict[str, Measured]:
    """The metrics of a split's boxes by showing, and of those around Grad-CAM where they lie there; else empty."""
    measured: dict[str, Measured] = {}
    for kind, words in ((BOXES, ""), (BOXES_GRAD_CAM, " (Grad-CAM)")):
        path = predictions / scores_name(split, kind)
        if path.is_file():
            measured |= {f"{shown}{words}": values for shown, values in box_metrics(path).items() if values}
    return measured


def metrics(saved: SavedModel, comparison: Comparison) -> dict[str, Any]:
    """What `metrics.json` holds of the findings."""
    return comparison.to_json() | {"reports": saved.config.data.reports.model_dump(mode="json")}
