"""Descriptions of a split: what the model writes, and beside it the nearest and the commonest training report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate.utils import gather_object
from jaxtyping import Float

from mmdx.data.loading.reports import Reports
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import absent_sections
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.assembly.texts import target_key, target_texts
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.score import answered
from mmdx.files import REPORTS, scores_name, written
from mmdx.kinds import KINDS
from mmdx.models.heads.description import TextHead
from mmdx.registry import READERS
from mmdx.stats.texts import TEXT_COLUMNS, Descriptions, ReportReader, commonest, describe
from mmdx.study import Split


@dataclass(frozen=True)
class _Answer:
    """What a model says of one study: the row of the store, whether there was anything to write from, the pooled
    representation of its images, and the words that were written."""

    row: int
    has_source: bool
    vector: Float[np.ndarray, "d"]
    words: list[int]


def writer_of(saved: SavedModel) -> TextHead | None:
    """The head that writes, None where the model has none."""
    return next((head for head in saved.model.answering.values() if isinstance(head, TextHead)), None)


def write_reports(setting: Setting, saved: SavedModel, split: Split, folder: Path) -> pd.DataFrame | None:
    """Describes one split, writes `<split>_reports.csv` into `folder` and returns its rows; None where no head writes.

    One row per study and method: `model`, `nearest` (the report of the training study whose images the model represents
    most alike, by cosine), `commonest`. `shown` names what the head writes from. `reference` is empty where the study
    has no report, `generated` where there was nothing to write from. Rows are complete on the main process.
    """
    head = writer_of(saved)
    if head is None:
        return None
    store, training = setting.store, setting.splits.rows("train")
    answers_of_training = _answers(setting, saved, head, training, write=False)
    answers = _answers(setting, saved, head, setting.splits.rows(split), write=True)
    reports = _reports(saved, head, store, [*training, *(answer.row for answer in answers)])
    neighbours = [answer for answer in answers_of_training if answer.has_source and reports[answer.row]]
    often = commonest([reports[row] for row in training if reports[row]])
    tokenizer = saved.tokenizers[target_key(head.text)]
    rows = []
    for answer in answers:
        near = reports[_nearest(answer, neighbours)] if neighbours else ""
        texts = {"model": tokenizer.prose(answer.words), "nearest": near, "commonest": often}
        for method, text in texts.items():
            names = (store.study_ids[answer.row], store.patient_ids[answer.row], "+".join(head.seen))
            rows.append((*names, method, reports[answer.row], text if answer.has_source else ""))
    table = pd.DataFrame(rows, columns=list(TEXT_COLUMNS))
    if setting.is_main:
        with written(folder / scores_name(split, REPORTS)) as partial:
            table.to_csv(partial, index=False)
    setting.accelerator.wait_for_everyone()
    return table


def descriptions_of(setting: Setting, saved: SavedModel, table: pd.DataFrame) -> Descriptions | None:
    """What the texts of `write_reports` are worth; None where no study has both a report and a text."""
    head = writer_of(saved)
    if head is None:
        return None
    store, training = setting.store, setting.splits.rows("train")
    columns = store.columns_of(saved.facts.findings)
    reports = {row: text for row, text in _reports(saved, head, store, training).items() if text}
    source = f"'{head.text}' of {origin(store.reader)}"
    labels = store.labels[list(reports)][:, columns]
    reader = ReportReader(list(reports.values()), labels, saved.facts.findings, source)
    truth = {store.study_ids[row]: store.labels[row, columns] for row in range(len(store))}
    return describe(table, truth, reader, seed=saved.config.seed)


def origin(reader: str) -> str:
    """Where reports come from, and of what they are as far as their reader says: `Open-i chest x-rays (openi)`."""
    subject, colon, _ = READERS.summary(reader).partition(":") if reader in READERS.names() else ("", "", "")
    return f"{subject} ({reader})" if colon else f"the cohort '{reader}'"


def writing_lines(setting: Setting, saved: SavedModel) -> list[str]:
    """What to know before a training whose model writes: from what, and which sections no report has; else nothing."""
    head = writer_of(saved)
    if head is None:
        return []
    lines = [f"writes '{head.text}' from {'+'.join(head.seen)}"]
    if head.text in head.seen:
        lines[0] += f": it reads '{head.text}' too, and what it is given it can copy"
    options = target_texts(saved.config, setting.store, saved.tokenizers)[head.text].reports
    reports = (setting.store.read(row).text(head.text) or "" for row in setting.splits.rows("train"))
    absent = absent_sections(reports, options)
    return lines + [f"model.heads: no training report has a section '{name}' to write" for name in absent]


def _answers(setting: Setting, saved: SavedModel, head: TextHead, rows: Sequence[int], *, write: bool) -> list[_Answer]:
    """What the model says of every one of `rows`, once and in order, whatever the number of processes."""
    store, accelerator = setting.store, setting.accelerator
    kinds = {name: KINDS[facts.kind] for name, facts in saved.facts.inputs.items()}
    pictures = [name for name in head.seen if kinds[name].sliced] or list(head.seen)
    row_of = {store.study_ids[row]: row for row in rows}
    answers: list[_Answer] = []
    for batch, output in answered(saved, store, rows, head.seen, accelerator):
        features = output.features
        with torch.no_grad(), accelerator.autocast():
            texts = head.write(features) if write else [[] for _ in batch.study_ids]
        pooled = torch.cat([features[name].pooled.float() for name in pictures], dim=1)
        vectors = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        sources = head.sees(features).tolist()
        for study, vector, has_source, words in zip(batch.study_ids, vectors, sources, texts, strict=True):
            answers.append(_Answer(row_of[study], has_source, vector, words))
    return sorted(gather_object(answers), key=lambda answer: answer.row)


def _reports(saved: SavedModel, head: TextHead, store: Store, rows: Sequence[int]) -> dict[int, str]:
    """What is to be written of the studies in `rows`, by row; empty where a study has no report."""
    options = target_texts(saved.config, store, saved.tokenizers)[head.text].reports
    return dict(zip(rows, Reports(store, options).over(rows, head.text), strict=True))


def _nearest(answer: _Answer, neighbours: Sequence[_Answer]) -> int:
    """The row of the most alike; vectors have length 1."""
    vectors = np.stack([neighbour.vector for neighbour in neighbours])
    return neighbours[int(np.argmax(vectors @ answer.vector))].row
