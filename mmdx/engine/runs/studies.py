"""`studies.csv` of a run: what is known of each study beside its labels, so that scores can be read by subgroup.
And `labels.csv`: what it is labelled with, whatever split it is in.

One column per fact: traits (age, sex, view, site …), `number of images` (of a modality that is not called `image`:
`number of items of X`), `order source of X`, `having a X` for texts. No truth of a made study, no digest, and nothing
that may tell who a patient is or when a study was: a trait one value of which looks like an identifier is left out as a
whole, and so is text of which nearly every study has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mmdx.data.privacy.identifiers import scan
from mmdx.data.privacy.privacy import telling
from mmdx.data.store.store import Store
from mmdx.files import READINGS, written
from mmdx.kinds import KINDS
from mmdx.study import READING, count_fact, is_fact, order_fact, text_fact

MOST_WORDS = 50
"""Distinct values of a text trait beyond which it is no group, but free text."""
KEYS = ("study_id", "patient_id")
Fact = str | float | None


def study_facts(store: Store) -> pd.DataFrame:
    """Every fact of every study, one row per study; None where a study lacks it. Pixels stay on disk."""
    rows: list[dict[str, Fact]] = []
    for row in range(len(store)):
        study = store.read(row)
        facts: dict[str, Fact] = {name: value for name, value in study.traits().items() if is_fact(name)}
        for name, modality in store.stored.items():
            if KINDS[modality.kind].worded:
                facts[text_fact(name)] = "yes" if study.text(name) else "no"
            else:
                facts[count_fact(name)] = float(store.lengths(name)[row])
                facts[order_fact(name)] = store.order_source(row, name)
        rows.append(facts)
    return pd.DataFrame(rows, index=range(len(store))).astype(object).where(lambda cells: cells.notna(), None)


def write_studies(path: Path, store: Store, column: str, values: Sequence[str] | Sequence[int]) -> list[str]:
    """Writes `studies.csv`; `column` (`split` or `fold`) holds `values`, one per study. Returns one line per fact that
    is left out, with the reason.

    Numbers are plain, what is missing is empty.
    """
    facts, lines = study_facts(store), []
    table = pd.DataFrame({KEYS[0]: store.study_ids, KEYS[1]: store.patient_ids, column: list(values)})
    for name in facts:
        cells = [value for value in facts[name] if value not in (None, "")]
        reason = "whose name is taken" if name in table else _unfit(str(name), cells)
        if reason:
            lines.append(f"{path.name}: without '{name}', {reason}")
        elif cells:
            table[name] = [_cell(value) for value in facts[name]]
    with written(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    return lines


def _unfit(name: str, cells: Sequence[str | float]) -> str | None:
    """Why a fact must not stand in a file that is passed on; None where it may."""
    if any(telling(name, value) or _like_a_number_of_a_record(value) for value in cells):
        return "which may tell who a patient is or when a study was"
    words = [value for value in cells if isinstance(value, str)]
    distinct = len(set(words))
    if distinct > MOST_WORDS:
        return f"free text of {distinct} values"
    return "of which no two studies share a value" if distinct == len(words) > 2 else None


def _like_a_number_of_a_record(value: str | float) -> bool:
    """Long numbers may stay in a store, for any has the form of a record's, but not in a file that is passed on."""
    return bool(scan(_cell(value))) if isinstance(value, str) or float(value).is_integer() else False


def _cell(value: Fact) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.12g}"


def write_labels(path: Path, store: Store, findings: Sequence[str]) -> None:
    """Writes `labels.csv`: of every study the label of each finding, 1, 0 or empty where nobody looked; and beside it
    `readings.csv`, what each of several readers said, where the store keeps that.

    Findings that the store lacks are left out.
    """
    table = pd.DataFrame({KEYS[0]: store.study_ids, KEYS[1]: store.patient_ids})
    held = [finding for finding in findings if finding in store.findings]
    columns = store.labels[:, store.columns_of(held)].T
    cells = pd.DataFrame(dict(zip(held, columns, strict=True)), index=table.index)
    with written(path) as partial:
        table.join(cells.astype("Int64")).to_csv(partial, index=False, lineterminator="\n")
    _write_readings(path.with_name(READINGS), store, held)


def _write_readings(path: Path, store: Store, findings: Sequence[str]) -> None:
    """What each reader said of each study, one row per study, reader and finding."""
    rows = []
    for study in store:
        for trait, label in study.traits().items():
            if trait.startswith(READING):
                reader, _, finding = trait.removeprefix(READING).partition("/")
                rows.append((study.study_id, study.patient_id, reader, finding, label))
    table = pd.DataFrame(rows, columns=[*KEYS, "reader", "finding", "label"])
    table = table.loc[table["finding"].isin(list(findings))]
    if not len(table):
        path.unlink(missing_ok=True)
        return
    with written(path) as partial:
        table.astype({"label": "Int64"}).to_csv(partial, index=False, lineterminator="\n")
