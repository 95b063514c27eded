"""A model and rows of a store become prediction files: each study once, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from mmdx.batch import Batch, Output
from mmdx.data.loading.reading import Reading
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import Share, build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.passing import passing
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.boxes import BoxRows, box_head, write_boxes
from mmdx.engine.scoring.encoded import with_descriptors
from mmdx.engine.scoring.ensemble import LOGIT, mean_boxes, mean_rows
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import ORDER_SOURCE, PREDICTION_COLUMNS, SLICE, SLICES, scores_name, written
from mmdx.kinds import KINDS
from mmdx.models.model import MultimodalModel
from mmdx.study import Split


def default_showings(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """What a model is scored on by default: everything, everything but one, then each modality alone; none twice.

    The scores with a modality and those without it are the ends of the missing-rate curve.
    """
    but_one = [tuple(name for name in modalities if name != left) for left in modalities if len(modalities) > 2]
    return list(dict.fromkeys([tuple(modalities), *but_one, *((name,) for name in modalities)]))


def parse_shown(text: str, modalities: Sequence[str]) -> tuple[str, ...]:
    """`image+report` as modalities in the model's order. Raises `UsageError` for one that the model does not read."""
    names = [name.strip() for name in text.split("+")]
    for name in names:
        if name not in modalities:
            raise UsageError(f"--show {text}: the model reads no '{name}'; {did_you_mean(name, modalities)}")
    return tuple(name for name in modalities if name in names)


def score_rows(
    saved: SavedModel,
    store: Store,
    rows: Sequence[int],
    shown: Sequence[str],
    accelerator: Accelerator,
    *,
    also: Callable[[Batch, Output], None] | None = None,
    pixels: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Study rows and slice rows in the prediction format, complete on every process, sorted by study.

    A modality outside `shown` is withheld: the model meets these studies as if they never had it. `order_source` tells
    on what evidence the images stood in order. Slice rows are empty without a slice head, or where its modality is
    withheld. `slice` is the 0-based place of an image among all of its study, in certified order, whatever of them is
    read and in which order. `also` is shown every batch with its output, for what else is to be kept of them; with
    `pixels` its images are pixels, also where descriptors are at hand. Of an ensemble this asks the first member alone.
    """
    studies, slices = _logit_rows(saved, store, rows, shown, accelerator, also=also, pixels=pixels)
    return studies.drop(columns=LOGIT), slices.drop(columns=LOGIT)


def counted(
    setting: Setting, what: str, rows: Sequence[int], also: Callable[[Batch, Output], None] | None = None
) -> Callable[[Batch, Output], None]:
    """What `score_rows` can show every batch: it counts the studies of all processes, about, and shows `also` each."""
    done, world = 0, setting.accelerator.num_processes
    setting.count(what, 0, len(rows), "studies")

    def shown(batch: Batch, output: Output) -> None:
        nonlocal done
        done += len(batch.study_ids)
        setting.count(what, min(done * world, len(rows)), len(rows), "studies")
        if also is not None:
            also(batch, output)

    return shown


def score_members(
    setting: Setting, saved: SavedModel, rows: Sequence[int], shown: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[pd.DataFrame, pd.DataFrame]]:
    """What all members of a model say of rows together: study rows and slice rows, as `score_rows` has them, of an
    ensemble with a column `spread`, and boxes with their truth. Each member reads a store of its own."""
    studies, slices, boxes = [], [], []
    for member, store in zip(saved.members, setting.stores_of(len(saved.members)), strict=True):
        collector = BoxRows(member.model, member.facts.findings, "+".join(shown))
        also = counted(setting, f"scoring with {'+'.join(shown)}", rows, collector)
        of_studies, of_slices = _logit_rows(member, store, rows, shown, setting.accelerator, also=also)
        studies.append(of_studies)
        slices.append(of_slices)
        boxes.append(collector.frames())  # every process sends its rows
    return mean_rows(saved, "study", studies), mean_rows(saved, "slice", slices), mean_boxes(saved, boxes)


def _logit_rows(
    saved: SavedModel,
    store: Store,
    rows: Sequence[int],
    shown: Sequence[str],
    accelerator: Accelerator,
    *,
    also: Callable[[Batch, Output], None] | None,
    pixels: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of `score_rows`, with the logit of each as the head gave it."""
    studies, slices = [], []
    for batch, output in answered(saved, store, rows, shown, accelerator, pixels=pixels):
        if also is not None:
            also(batch, output)
        studies.extend(study_rows(saved.model, saved.facts.findings, batch, output))
        slices.extend(slice_rows(saved.model, saved.facts.findings, batch, output))
    reading = Reading.of(saved.config.data, saved.config.seed)
    sliced = [name for name in shown if KINDS[saved.facts.inputs[name].kind].sliced]
    orders = order_sources(store, sliced, reading)
    return _frame(studies, "+".join(shown), orders), _frame(slices, "+".join(shown), orders)


def answered(
    saved: SavedModel,
    store: Store,
    rows: Sequence[int],
    shown: Sequence[str] | None,
    accelerator: Accelerator,
    *,
    pixels: bool = False,
) -> Iterator[tuple[Batch, Output]]:
    """This process's share of `rows`, a batch at a time on the device, with what the model says of it in evaluation.

    Where what frozen encoders gave for the images is at hand, it is read in place of `pixels`, unless these are asked
    for.
    """
    saved.model.eval()
    saved = replace(saved, encoded={}) if pixels else with_descriptors(saved, store)
    share = Share.of(accelerator)
    loader, _ = build_loader(saved.recipe, store, rows, shuffle=False, shown=shown, share=share)
    for batch in loader:
        batch = batch.to(accelerator.device)
        with passing("scoring", batch.study_ids), torch.no_grad(), accelerator.autocast():
            output = saved.model(batch)
        yield batch, output


def study_rows(model: MultimodalModel, findings: Sequence[str], batch: Batch, output: Output) -> Iterator[dict]:
    """One row per study and finding, from the study head."""
    for name, head in model.heads_of("study").items():
        scores, labels = head.probabilities(output.logits[name]).tolist(), batch.labels.tolist()
        logits = output.logits[name].float().tolist()
        for place, (study, patient) in enumerate(zip(batch.study_ids, batch.patient_ids, strict=True)):
            for column, finding in enumerate(findings):
                values = (labels[place][column], scores[place][column], logits[place][column])
                yield _row(study, patient, finding, *values)


def slice_rows(model: MultimodalModel, findings: Sequence[str], batch: Batch, output: Output) -> Iterator[dict]:
    """One row per image and finding, from the slice head."""
    for name, head in model.heads_of("slice").items():
        if head.modality is not None:
            scores, labels = (
                head.probabilities(output.logits[name]).tolist(),
                batch.slice_labels[head.modality].tolist(),
            )
            logits = output.logits[name].float().tolist()
            lengths = batch.inputs[head.modality].lengths.tolist()
            studies = [study for study, count in enumerate(lengths) for _ in range(count)]
            numbers = batch.slice_numbers[head.modality].tolist()
            for row, (study, index) in enumerate(zip(studies, numbers, strict=True)):
                for column, finding in enumerate(findings):
                    values = (labels[row][column], scores[row][column], logits[row][column])
                    yield _row(batch.study_ids[study], batch.patient_ids[study], finding, *values) | {SLICE: index}


def order_sources(store: Store, modalities: Sequence[str], reading: Reading) -> dict[str, str]:
    """By study: `image:position`, one for each image modality that it has, joined by `;`.

    Images that are read in reverse say so (`image:position reversed`); shuffled ones stand in an `unknown` order.
    """
    evidence = {}
    for row, study in enumerate(store.study_ids):
        sources = [(name, store.order_source(row, name)) for name in modalities]
        evidence[study] = ";".join(f"{name}:{reading.evidence(source)}" for name, source in sources if source)
    return evidence


def write_predictions(path: Path, frames: Sequence[pd.DataFrame]) -> None:
    """One CSV of all showings; unknown labels are empty, scores have seven significant digits."""
    labelled = [
        frame.assign(label=frame["label"].map(lambda label: "" if np.isnan(label) else f"{label:.0f}"))
        for frame in frames
    ]
    write_rows(path, labelled)


def write_rows(path: Path, frames: Sequence[pd.DataFrame]) -> None:
    """Rows whose labels are text already, as one CSV, in one step."""
    with written(path) as partial:
        pd.concat(frames, ignore_index=True).to_csv(partial, index=False, float_format="%.7g")


def _row(study: str, patient: str, finding: str, label: float, score: float, logit: float) -> dict:
    row = {"study_id": study, "patient_id": patient, "finding": finding, "label": label, "score": score}
    return row | {LOGIT: logit}


def _frame(rows: list[dict], shown: str, orders: dict[str, str]) -> pd.DataFrame:
    """The rows of all processes as one table, in an order that does not depend on how many there were."""
    gathered = pd.DataFrame(gather_object(rows))
    columns = [*PREDICTION_COLUMNS, LOGIT, ORDER_SOURCE]
    if gathered.empty:
        return pd.DataFrame(columns=[*columns, SLICE])
    gathered.insert(2, "shown", shown)
    gathered[ORDER_SOURCE] = [orders[study] for study in gathered["study_id"]]
    keys = ["study_id", SLICE] if SLICE in gathered else ["study_id"]
    columns += [SLICE] if SLICE in gathered else []
    return gathered.sort_values(keys, kind="stable", ignore_index=True).reindex(columns=columns)


def score_split(
    setting: Setting, saved: SavedModel, split: Split, shown: Sequence[Sequence[str]], folder: Path
) -> Path:
    """Scores one split under each of `shown` and writes `<split>.csv` (and `<split>_slices.csv`, `<split>_boxes.csv`
    with `<split>_boxes_truth.csv`) into `folder`; returns the first of them.

    A model without a study head leaves no `<split>.csv`: then `<split>_slices.csv` is the first. Raises `DataError`
    where such a model is shown no image at all.
    """
    rows, accelerator = setting.splits.rows(split), setting.accelerator
    answers = [score_members(setting, saved, rows, names) for names in shown]
    slices = [table for _, table, _ in answers if len(table)]
    by_study = bool(saved.model.heads_of("study"))
    if not by_study and not slices:
        raise DataError(
            f"{split}: no image of its {len(rows)} studies is shown, and the model answers for images alone; show them"
        )
    studies_path, slices_path = folder / scores_name(split), folder / scores_name(split, SLICES)
    if setting.is_main:
        studies_path.unlink(missing_ok=True)  # an older one would be taken for what this model says
        if by_study:
            write_predictions(studies_path, [studies for studies, _, _ in answers])
        if slices:
            write_predictions(slices_path, slices)
        if box_head(saved.model) is not None:
            write_boxes(folder, split, [boxes for _, _, boxes in answers])
    accelerator.wait_for_everyone()
    return studies_path if by_study else slices_path
