"""A prepared cohort: Arrow shards and their index, `dataset.json`, `splits.csv`, cards, quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, Int

from mmdx.data.splits.splits import Splits, prove_disjoint, read_splits
from mmdx.data.store.description import AGAIN, DESCRIPTION, layout_in, read_description
from mmdx.data.store.index import Index
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.rows import Held, HeldRow, MappedRows, check_size
from mmdx.data.store.shards import shard_path
from mmdx.data.store.stored import StoredStudy
from mmdx.errors import DataError, UsageError, did_you_mean, reason
from mmdx.strangers.sealed import digest_of

SPLIT_FILE = "splits.csv"
QUARANTINE = "quarantine.csv"
EXTRACTED = "extracted"
"""The key of `dataset.json` that says which models left the descriptors of a store, and how."""
FROZEN = "frozen encoder"
"""What `training_rows` says there where nothing that made the descriptors has learned from any study."""
BEFORE = "before"
"""What it said of the store that was described, where that held descriptors, too."""


class Store:
    """Reads the folder that `mmdx prepare` left; rows are studies, pixels stay on disk until asked for.

    Opening takes the same time whatever the number of studies: it reads `dataset.json` and maps the index. Identifiers
    and splits are read when first asked for, and then every shard must be there, as long as it was written, and no
    patient in two splits; a shard is mapped when one of its studies is read, and what is read is held in memory where
    there is room for all of it (`rows.py`). A store can be sent to other processes, which open it anew. Raises
    `DataError` where the folder is no store, is unfinished, or has been tampered with.

    `stacks` makes modalities of others, by name: `with_stacks` opens a store with them, after checking them.
    """

    def __init__(self, folder: str | Path, stacks: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.folder = Path(folder)
        self.description = read_description(self.folder)
        self.layout = replace(layout_in(self.description), stacks=dict(stacks or {}))
        self._index = Index(self.folder, self.layout, self.description["studies"], self.description["shards"])
        self._proved = False
        self._rows = MappedRows(self.folder, self.layout, self._index)
        self._studies: dict[int, StoredStudy] = {}

    def __reduce__(self) -> tuple[type[Store], tuple[Any, ...]]:
        return Store, (self.folder, self.layout.stacks)

    def __len__(self) -> int:
        return self.description["studies"]

    def __repr__(self) -> str:
        return f"Store('{self.folder}': {self.in_words()})"

    def _repr_html_(self) -> str:
        """What a notebook shows: studies and patients by split, what they have, how often each finding is met."""
        from mmdx.data.store.cards.notebook import in_notebook  # imported here: it reads stores

        return in_notebook(self)

    def in_words(self) -> str:
        """`110 studies of 100 patients; image, report; 2 quarantined`."""
        parts = [f"{len(self)} studies of {len(set(self.patient_ids))} patients", ", ".join(self.modalities)]
        parts += [f"{self.quarantined} quarantined"] if self.quarantined else []
        return "; ".join(parts)

    @cached_property
    def study_ids(self) -> list[str]:
        self._prove_whole()
        return self._index.texts("study_id")

    @cached_property
    def patient_ids(self) -> list[str]:
        self._prove_whole()
        return self._index.texts("patient_id")

    @property
    def labels(self) -> Float[np.ndarray, "n f"]:
        """Of each study, in the order of `findings`, read-only."""
        return self._index.labels

    @cached_property
    def splits(self) -> Splits:
        """As `splits.csv` says, which may be edited by hand: then proved disjoint again."""
        self._prove_whole()
        path = self.folder / SPLIT_FILE
        if path.is_file() and digest(path) == self.description.get("splits_digest"):
            splits = self._index.splits()
            if len(set(zip(splits.patient_ids, splits.words, strict=True))) == len(set(splits.patient_ids)):
                return splits
        else:
            splits = _splits_of(self.study_ids, self.patient_ids, path)
        prove_disjoint(self.study_ids, self.patient_ids, splits)
        return splits

    @property
    def findings(self) -> tuple[str, ...]:
        return self.layout.findings

    @property
    def modalities(self) -> dict[str, ModalityFacts]:
        """Those that the folder holds, and behind them the stacks that are made of them."""
        return self.layout.readable

    @property
    def stored(self) -> dict[str, ModalityFacts]:
        """The modalities that the folder holds."""
        return dict(self.layout.modalities)

    @property
    def fingerprint(self) -> str:
        """32 hex digits over what made the store: anything changed is another store."""
        return self.description["fingerprint"]

    @property
    def reader(self) -> str:
        """The name of the reader that found the studies."""
        return self.description["reader"]

    @property
    def at_use(self) -> dict[str, Any]:
        """Options of the reader by which the studies of a model are read once it is in use, too."""
        return dict(self.description.get("at_use", {}))

    @property
    def dealt(self) -> dict[str, Any]:
        """The options by which the patients were dealt: shares of `val` and `test`, and the `seed`."""
        return dict(self.description["split"])

    @property
    def patients_unknown(self) -> int:
        """The studies of which nothing says whose they are: each counts as a patient of its own."""
        return self.description.get("patients_unknown", 0)

    @property
    def quarantined(self) -> int:
        """Studies that could not be stored; `quarantine.csv` says why."""
        return self.description["quarantined"]

    @property
    def extracted(self) -> bool:
        """Whether the store holds descriptors that a model of mmdx left."""
        return EXTRACTED in self.description

    @property
    def describers_learned(self) -> bool:
        """Whether a model that left descriptors of this store, or of one that it was made of, learned from studies."""
        origin = self.description.get(EXTRACTED)
        while origin is not None:
            if origin.get("training_rows") != FROZEN:
                return True
            origin = origin.get(BEFORE)
        return False

    @property
    def described_by(self) -> str | None:
        """What tells the weights of the one model that can make descriptors like these of new images; None where there
        is none, or no descriptors were extracted."""
        return self.description.get(EXTRACTED, {}).get("weights", {}).get("own")

    def __getitem__(self, row: int) -> StoredStudy:
        """`read(row)`, counted from the end where it is negative. Raises `IndexError` beyond the last study."""
        return self.read(range(len(self))[row])

    def __iter__(self) -> Iterator[StoredStudy]:
        return map(self.read, range(len(self)))

    def frame(self) -> pd.DataFrame:
        """One row per study: identifiers, split, labels, and of each modality how long it is and what orders it.

        Columns are `study_id`, `patient_id`, `split`, the findings, `NAME.length` and `NAME.order`. No pixel is read.
        """
        identifiers = {"study_id": self.study_ids, "patient_id": self.patient_ids, "split": list(self.splits)}
        labels = {finding: self.labels[:, place] for place, finding in enumerate(self.findings)}
        return pd.DataFrame(identifiers | labels | self._index.of_modalities())

    def to_hf(self) -> Any:
        """The rows as a `Dataset` of Hugging Face, whose columns lie in the memory-mapped shards.

        Pixels and descriptors are flat lists there; `layout` has their shapes. `split` is as it came with the data.
        """
        from datasets import Dataset, concatenate_datasets

        self._prove_whole()
        for row in range(len(self)):  # the library looks at no cell before it is asked for
            self._rows.read(row)
        shards = [shard_path(self.folder, shard) for shard in self._index.shards()]
        try:
            return concatenate_datasets([Dataset.from_file(str(path)) for path in shards])
        except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{self.folder}: its shards are no data set ({reason(error)}); {AGAIN}") from None

    def columns_of(self, findings: Sequence[str]) -> list[int]:
        """The places of `findings` in the label rows. Raises `UsageError` for one that the store does not have."""
        for finding in findings:
            if finding not in self.findings:
                raise UsageError(
                    f"data.findings: no '{finding}' in {self.folder}; {did_you_mean(finding, self.findings)}"
                )
        return [self.findings.index(finding) for finding in findings]

    def lengths(self, modality: str) -> Int[np.ndarray, "n"]:
        """Images or vectors a study, 0 where the modality is absent; a stack is where one of its modalities is."""
        parts = [self._index.numbers(f"{part}.length") for part in self.layout.parts(modality)]
        return parts[0] if len(parts) == 1 else np.min(parts, axis=0)

    def order_source(self, row: int, modality: str) -> str | None:
        """The evidence that the slices stand in order, None where the modality is absent or has no order; of a stack
        that of its first modality, `unknown` where that of another is."""
        sources = [self._index.text(f"{part}.order", row) for part in self.layout.parts(modality)]
        if None in sources:
            return None
        return "unknown" if "unknown" in sources else sources[0]

    def read(self, row: int) -> StoredStudy:
        """One study, its arrays read-only: held in memory where the store is small, else views of the mapped file."""
        if row in self._studies:
            return self._studies[row]
        batch = self._rows.read(row)
        if not self._held.rows():
            return StoredStudy(batch, self.layout)
        self._studies[row] = StoredStudy(HeldRow(batch, row, self._rows, self._held), self.layout)
        return self._studies[row]

    @cached_property
    def _held(self) -> Held:
        return Held.of(self._index, self.layout)

    def _prove_whole(self) -> None:
        """Raises `DataError` where a shard is missing, or shorter or longer than it was written. Looks once."""
        if not self._proved:
            for shard, size in self._index.shards().items():
                check_size(shard_path(self.folder, shard), size)
            self._proved = True


def is_store(folder: Path) -> bool:
    """Whether `folder` holds a finished store."""
    return (folder / DESCRIPTION).is_file()


def digest(path: Path) -> str:
    """32 hex digits that tell whether `splits.csv` is as it was written."""
    return digest_of(path)


def _splits_of(study_ids: Sequence[str], patient_ids: Sequence[str], path: Path) -> Splits:
    words = read_splits(path)
    strangers = sorted(words.keys() ^ set(study_ids))
    if strangers:
        where = "the file alone" if strangers[0] in words else "the store alone"
        raise DataError(f"{path}: study '{strangers[0]}' is in {where}; list each study of the store once")
    return Splits(tuple(words[study] for study in study_ids), tuple(patient_ids))
