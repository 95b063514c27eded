"""What makes a store of whole shards: quarantine, splits, index, cards, and last the description.

`dataset.json`, the description, says by its presence that the store is whole.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmdx.data.splits.splits import Splits, prove_disjoint, write_splits
from mmdx.data.store.cards.card import write_cards
from mmdx.data.store.index import INDEX, gather_index, write_index
from mmdx.data.store.layout import Layout
from mmdx.data.store.store import DESCRIPTION, QUARANTINE, SPLIT_FILE, digest
from mmdx.errors import DataError
from mmdx.files import written
from mmdx.strangers.cells import cell_of, text_of
from mmdx.strangers.sealed import write_sealed
from mmdx.study import Study


@dataclass(frozen=True)
class Making:
    """A store of which every shard is written, and what is still to be written of it.

    `studies` are those that the shards hold, in their order, each dealt by `splits`; `quarantine` has one row per study
    that could not be stored, with its `reason`; `shards` is the number of shards. `origin` and `remarks` are what the
    description says before and after the keys of splits and shards.
    """

    layout: Layout
    studies: Sequence[Study]
    splits: Splits
    quarantine: Sequence[Mapping[str, str]]
    shards: int
    origin: Mapping[str, Any]
    remarks: Mapping[str, Any] = field(default_factory=dict)


def finish_store(out: Path, making: Making) -> dict[str, Any]:
    """Writes all but the shards into `out`, and returns what `dataset.json` holds.

    Raises `DataError` where the shards hold other studies, or a patient is in two splits.
    """
    ids = [study.study_id for study in making.studies]
    patients = [study.patient_id for study in making.studies]
    write_quarantine(out, making.quarantine)
    prove_disjoint(ids, patients, making.splits)
    write_splits(out / SPLIT_FILE, ids, patients, making.splits)
    index = gather_index(out, making.shards, making.layout)
    if index["study_id"] != ids:
        raise DataError(
            f"{out}: its shards hold other studies than its source; remove the folder and run the same command again"
        )
    write_index(out, index, making.splits, making.layout)
    description = {
        **making.origin,
        "splits": making.splits.counts(),
        "splits_digest": digest(out / SPLIT_FILE),
        "shards": making.shards,
        **making.remarks,
    }
    write_cards(out, description, making.studies, making.splits, making.quarantine)
    write_sealed(out / DESCRIPTION, description, [out / INDEX])
    return description


def write_quarantine(out: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Writes `quarantine.csv`: one row per study that could not be stored, and why."""
    # File names need not be UTF-8, and a reason may hold one.
    with (
        written(out / QUARANTINE) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, ["study_id", "reason"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell_of(text) for name, text in row.items()} for row in rows)


def read_quarantine(folder: Path) -> list[dict[str, str]]:
    """The rows of `quarantine.csv`."""
    with (folder / QUARANTINE).open(encoding="utf-8", newline="") as file:
        return [{name: text_of(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
