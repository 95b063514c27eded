"""Descriptions of a split: what the model writes, and beside it the nearest and the commonest training report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from jaxtyping import Float

from mmdx.data.loading.reports import Reports
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import absent_sections
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.assembly.texts import target_key, target_texts
from mmdx.engine.scoring.score import answered
from mmdx.models.heads.description import TextHead
from mmdx.registry import READERS
from mmdx.stats.texts import TEXT_COLUMNS, Descriptions, ReportReader, commonest, describe
from mmdx.study import Split


@dataclass(frozen=True)
class _Seen:
    """One study as the model saw it: the row of the store, whether there was anything to write from, the pooled
    representation of its images, and the words that were written."""

    row: int
    seen: bool
    vector: Float[np.ndarray, "d"]
    words: list[int]


def writer_of(saved: SavedModel) -> TextHead | None:
    """The head that writes, None where the model has none."""
    return next((head for head in saved.model.answering.values() if isinstance(head, TextHead)), None)


def write_reports(
    saved: SavedModel, store: Store, splits: Splits, split: Split, accelerator: Accelerator, folder: Path
) -> pd.DataFrame | None:
    """Describes one split, writes `<split>_reports.csv` into `folder` and returns its rows; None where no head writes.

    One row per study and method: `model`, `nearest` (the report of the training study whose images the model represents
    most alike, by cosine), `commonest`. `shown` names what the head writes from. `reference` is empty where the study
    has no report, `generated` where there was nothing to write from. Rows are complete on the main process.
    """
    head = writer_of(saved)
    if head is None:
        return None
    training = splits.rows("train")
    known = _see(saved, head, store, training, accelerator, write=False)
    asked = _see(saved, head, store, splits.rows(split), accelerator, write=True)
    told = _reports(saved, head, store, [*training, *(one.row for one in asked)])
    known = [one for one in known if one.seen and told[one.row]]
    often = commonest([told[row] for row in training if told[row]])
    words = saved.tokenizers[target_key(head.text)]
    rows = []
    for one in asked:
        near = told[_nearest(one, known)] if known else ""
        texts = {"model": words.prose(one.words), "nearest": near, "commonest": often}
        for method, text in texts.items():
            names = (store.study_ids[one.row], store.patient_ids[one.row], "+".join(head.seen))
            rows.append((*names, method, told[one.row], text if one.seen else ""))
    table = pd.DataFrame(rows, columns=list(TEXT_COLUMNS))
    if accelerator.is_main_process:
        _write(table, folder / f"{split}_reports.csv")
    accelerator.wait_for_everyone()
    return table


def judge(saved: SavedModel, store: Store, splits: Splits, table: pd.DataFrame) -> Descriptions | None:
    """What the texts of `write_reports` are worth; None where no study has both a report and a text."""
    head = writer_of(saved)
    if head is None:
        return None
    columns = store.columns_of(saved.facts.findings)
    training = splits.rows("train")
    reports = {row: text for row, text in _reports(saved, head, store, training).items() if text}
    made_for = f"'{head.text}' of {origin(store.reader)}"
    labels = store.labels[list(reports)][:, columns]
    reader = ReportReader(list(reports.values()), labels, saved.facts.findings, made_for)
    truth = {store.study_ids[row]: store.labels[row, columns] for row in range(len(store))}
    return describe(table, truth, reader, seed=saved.config.seed)


def origin(reader: str) -> str:
    """Where reports come from, and of what they are as far as their reader says: `Open-i chest x-rays (openi)`."""
    subject, colon, _ = READERS.summary(reader).partition(":") if reader in READERS.names() else ("", "", "")
    return f"{subject} ({reader})" if colon else f"the cohort '{reader}'"


def said_of_writing(saved: SavedModel, store: Store, splits: Splits) -> list[str]:
    """What is to be known before a training whose model writes: from what, and what of the reports is not there."""
    head = writer_of(saved)
    if head is None:
        return []
    lines = [f"writes '{head.text}' from {'+'.join(head.seen)}"]
    if head.text in head.seen:
        lines[0] += f": it reads '{head.text}' too, and what it is given it can copy"
    options = target_texts(saved.config, store, saved.tokenizers)[head.text].reports
    told = (store.read(row).text(head.text) or "" for row in splits.rows("train"))
    return lines + [
        f"model.heads: no training report has a section '{name}' to write" for name in absent_sections(told, options)
    ]


def _see(
    saved: SavedModel, head: TextHead, store: Store, rows: Sequence[int], accelerator: Accelerator, *, write: bool
) -> list[_Seen]:
    """Every one of `rows`, once and in order, whatever the number of processes."""
    kinds = {name: known.kind for name, known in saved.facts.inputs.items()}
    pictures = [name for name in head.seen if kinds[name] in ("images", "vectors")] or list(head.seen)
    place = {store.study_ids[row]: row for row in rows}
    found: list[_Seen] = []
    for batch, output in answered(saved, store, rows, head.seen, accelerator):
        features = output.features
        with torch.no_grad(), accelerator.autocast():
            texts = head.write(features) if write else [[] for _ in batch.study_ids]
        pooled = torch.cat([features[name].pooled.float() for name in pictures], dim=1)
        vectors = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        seen = head.sees(features).tolist()
        for study, vector, has, words in zip(batch.study_ids, vectors, seen, texts, strict=True):
            found.append(_Seen(place[study], has, vector, words))
    return sorted(gather_object(found), key=lambda one: one.row)


def _reports(saved: SavedModel, head: TextHead, store: Store, rows: Sequence[int]) -> dict[int, str]:
    """What is to be written of the studies in `rows`, by row; empty where a study has no report."""
    options = target_texts(saved.config, store, saved.tokenizers)[head.text].reports
    return dict(zip(rows, Reports(store, options).over(rows, head.text), strict=True))


def _nearest(one: _Seen, known: Sequence[_Seen]) -> int:
    """The row of the most alike; vectors have length 1."""
    return known[int(np.argmax(np.stack([other.vector for other in known]) @ one.vector))].row


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    table.to_csv(partial, index=False)
    partial.replace(path)
