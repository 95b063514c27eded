"""Some rows of a store as a torch data set of Samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch.utils.data import Dataset

from mmdx.batch import Sample
from mmdx.data.loading.encoded import NOTHING_ENCODED, Encoded
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS


class StudyDataset(Dataset[Sample]):
    """The studies in `rows` of a store, each as the Sample that `maker` makes of it.

    Of the modalities in `encoded` it has what a frozen encoder gave for each image, in place of pixels. With
    `any_order` its Samples say of which modalities nobody knows the order, so that training may take any.
    """

    def __init__(
        self,
        store: Store,
        rows: Sequence[int],
        maker: SampleMaker,
        encoded: Mapping[str, Encoded] = NOTHING_ENCODED,
        *,
        any_order: bool = False,
    ) -> None:
        store.columns_of(maker.findings)
        self._store, self._rows, self._maker, self._encoded = store, list(rows), maker, encoded
        self._any_order = any_order

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, position: int) -> Sample:
        row = self._rows[position]
        encoded = {name: vectors.of(row) for name, vectors in self._encoded.items()}
        sample = self._maker(self._store.read(row), encoded)  # pyright: ignore[reportArgumentType]
        return replace(sample, unordered=self._unordered(row)) if self._any_order else sample

    def _unordered(self, row: int) -> frozenset[str]:
        sliced = [name for name, kind in self._maker.kinds.items() if KINDS[kind].sliced]
        sources = {name: self._store.order_source(row, name) for name in sliced}
        forgotten = self._maker.reading.order == "shuffled"
        return frozenset(name for name, source in sources.items() if source == "unknown" or (source and forgotten))

    def images(self) -> list[int]:
        """How many images each study brings, over all modalities that are read: what the sampler packs by.

        Images that come encoded count as others do: batches are the same whether an encoder runs or not. Vectors, text
        and tables do not count: beside images they weigh nothing, and `train.studies` bounds them.
        """
        counts = np.zeros(len(self._rows), dtype=np.int64)
        reading = self._maker.reading
        for name, kind in self._maker.kinds.items():
            if KINDS[kind].pictured:
                counts += [reading.count(length) for length in self._store.lengths(name)[self._rows].tolist()]
        return counts.tolist()


def as_torch(
    store: Store,
    modalities: Sequence[str],
    *,
    rows: Sequence[int] | None = None,
    findings: Sequence[str] | None = None,
    tokenizers: Mapping[str, ReportTokenizer] | None = None,
) -> StudyDataset:
    """The studies of a store (all, or those in `rows`) as a torch data set: `modalities`, and labels of `findings`.

    A text needs a tokenizer; `mmdx.data.text.tokenizer.fit_tokenizer` makes one. `collate_for(store, modalities)` packs
    what the data set gives into a `Batch`. Raises `UsageError` for a modality or a finding that the store lacks.
    """
    for name in modalities:
        if name not in store.modalities:
            raise UsageError(f"no modality '{name}' in {store.folder}; {did_you_mean(name, store.modalities)}")
    maker = SampleMaker(
        {name: store.modalities[name].kind for name in modalities},
        findings=store.findings if findings is None else findings,
        tokenizers=tokenizers or {},
    )
    return StudyDataset(store, range(len(store)) if rows is None else rows, maker)
