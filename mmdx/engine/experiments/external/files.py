"""What an evaluation on a second cohort leaves: a folder that reads like a run, and says on what that was trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmdx.data.cohorts.joined import JoinedStore
from mmdx.data.cohorts.names import Names
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.engine.reporting.conclude import judging_slices, measured_boxes, metrics
from mmdx.engine.reporting.external_card import ExternalCard, external_card
from mmdx.engine.runs.record import record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_labels, write_studies
from mmdx.engine.scoring.orders import SliceOrders
from mmdx.engine.scoring.score import write_rows
from mmdx.errors import UsageError
from mmdx.files import (
    BASELINES,
    BOXES,
    BOXES_GRAD_CAM,
    BOXES_TRUTH,
    EVALUATION,
    FOLD,
    INTERNAL,
    SLICES,
    RunLayout,
    write_json,
    write_text,
)
from mmdx.stats.cohort.origins import DataSet, Origin, origin_of
from mmdx.stats.evidence import gather
from mmdx.stats.sections.boxes.table import boxes_json

OF_INPUT = ("TF-IDF", "probe")
"""How the baselines of one input are called, before its name."""
KINDS_OF_SCORES = ((), (SLICES,), (BASELINES,), (SLICES, BASELINES))


@dataclass(frozen=True)
class Record:
    """What is recorded of an evaluation: the run and its model, the second store with its names and what its raw files
    are called, what was said of both, who was named, how images were read, and how many studies were left out, by
    reason."""

    run: RunLayout
    saved: SavedModel
    store: Store
    names: Names
    source: str | None
    lines: tuple[str, ...]
    named: tuple[str, ...]
    orders: SliceOrders
    left_out: Mapping[str, int]

    @property
    def primary(self) -> str | None:
        """The primary finding of the run, where the second cohort has it."""
        primary = self.saved.config.data.primary
        return primary if primary in self.names.findings else None

    @property
    def second(self) -> DataSet:
        return DataSet(self.store.reader, self.source, self.store.folder.resolve().name)

    @property
    def trained(self) -> Origin:
        name = self.run.folder.resolve().name
        return origin_of(name, self.run) if self.run.environment.is_file() else Origin(name)

    def to_json(self) -> dict[str, Any]:
        trained = {key: value for key, value in asdict(self.trained).items() if key not in ("run", "second")}
        return {
            "run": str(self.run.folder),
            "split": "test",
            **self.saved.config.data.stated,
            "primary": self.primary,
            "trained": trained,
            "second": asdict(self.second),
            "names": {"findings": dict(self.names.findings), "modalities": dict(self.names.modalities)},
            "lines": list(self.lines),
            "named": list(self.named),
            "slice_orders": asdict(self.orders),
            "left_out": dict(self.left_out),
        }


def earlier_scores(place: RunLayout) -> list[Path]:
    """The scores of an earlier evaluation in a folder. Raises `UsageError` where it holds a run, or scores that no
    evaluation on a second cohort left."""
    if place.config.is_file() or place.best.exists():
        raise UsageError(f"--out {place.folder}: holds a run; choose another folder for the scores")
    scores = sorted(place.predictions.glob("*.csv"))
    if scores and not (place.predictions / EVALUATION).is_file():
        raise UsageError(f"--out {place.folder}: holds other scores; choose another folder for these")
    return scores


def only_joined(place: RunLayout, names: Names, store: Store) -> list[str]:
    """Leaves the rows of joined findings in the files of scores and boxes, and no boxes where the second cohort has
    none; one line on what it does not label."""
    lines = []
    truth = place.scores("test", BOXES_TRUTH)
    for kinds in ((), (SLICES,), (BOXES,), (BOXES_TRUTH,), (BOXES_GRAD_CAM,)):
        path = place.scores("test", *kinds)
        if path.is_file():
            rows = pd.read_csv(path, dtype=str, keep_default_na=False)
            write_rows(path, [rows.loc[rows["finding"].isin(list(names.findings))]])
    if truth.is_file() and not len(pd.read_csv(truth)):
        for kind in (BOXES, BOXES_TRUTH, BOXES_GRAD_CAM):
            place.scores("test", kind).unlink(missing_ok=True)
        lines.append(f"boxes are left out: {store.folder} has none to hold them against")
    slices = place.scores("test", SLICES)
    if slices.is_file() and place.scores("test").is_file() and not _labelled(slices):
        lines.append(f"{slices.name}: scores alone, for {store.folder} labels no slices")
    return lines


def only_read(place: RunLayout, absent: Sequence[str]) -> list[str]:
    """Leaves out the baselines of inputs that no study of a second cohort has; one line on each."""
    lines = []
    for kinds in ((BASELINES,), (SLICES, BASELINES)):
        path = place.scores("test", *kinds)
        if path.is_file():
            rows = pd.read_csv(path, dtype=str, keep_default_na=False)
            blind = [
                arm
                for arm in rows["shown"].unique()
                if any(arm == f"{of} {name}" for of in OF_INPUT for name in absent)
            ]
            write_rows(path, [rows.loc[~rows["shown"].isin(blind)]])
            lines += [f"baseline '{arm}' left out: no study has it" for arm in blind]
    return lines


def keep_validation(run: RunLayout, place: RunLayout) -> str | None:
    """Copies the validation scores of a run beside those of a second cohort, which they give thresholds and
    temperatures; of a cross-validation what its models said out of fold. Returns the line on what there is not."""
    source = "test" if run.folds.is_file() else "val"
    for kinds in KINDS_OF_SCORES:
        kept, path = place.scores("val", *kinds), run.scores(source, *kinds)
        if path.is_file() and run.folds.is_file():
            write_rows(kept, [pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=FOLD)])
        elif path.is_file():
            shutil.copyfile(path, kept)
    if any(place.scores("val", *kinds).is_file() for kinds in KINDS_OF_SCORES[:2]):
        return None
    return f"{run.folder}: no validation scores, so that there are no thresholds to carry over"


def keep_internal(run: RunLayout, place: RunLayout) -> None:
    """Copies the test scores of a run beside those of a second cohort, which are held against them."""
    if run.scores("test").is_file():
        shutil.copyfile(run.scores("test"), place.predictions / INTERNAL)


def conclude_external(setting: Setting, record: Record, cohort: JoinedStore) -> None:
    """Writes everything beside the scores of a second cohort, the card last."""
    place, saved = setting.run, record.saved
    place.environment.unlink(missing_ok=True)
    record_store(place, record.store, setting.accelerator)
    setting.say(*write_studies(place.studies, cohort, "split", ["test"] * len(cohort)))
    write_labels(place.labels, cohort, list(record.names.findings))
    evidence = gather([place.folder], count=setting.count)
    evidence.save(page_of(place).parent)
    slices = place.scores("test", SLICES)
    told, scored = setting.count, slices.is_file() and _labelled(slices)
    judged = judging_slices(place, saved, evidence.comparison, told) if scored else None
    boxes = measured_boxes(place.predictions, "test")
    content = metrics(saved, evidence.comparison) | {"slice_orders": asdict(record.orders)}
    content |= {"slices": judged.to_json()} if judged else {}
    content |= {"boxes": boxes_json(boxes)} if boxes else {}
    write_json(place.metrics, content)
    compared = (evidence.comparison, judged)
    card = ExternalCard(place, record.run, saved, compared, record.trained, record.second, record.lines)
    text = external_card(card)  # draws the figure that the checklists name
    write_reporting(place.folder, page_of(place).parent, into=place.folder)
    write_text(place.card, text)


def page_of(place: RunLayout) -> Path:
    """The page of the comparison in the folder of an evaluation."""
    return place.folder / "compare" / "compare.html"


def _labelled(path: Path) -> bool:
    """Whether a row of a file of scores has a label."""
    return bool(pd.read_csv(path, usecols=["label"])["label"].notna().any())
