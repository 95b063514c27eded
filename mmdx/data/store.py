"""A prepared cohort: memory-mapped Arrow shards, `dataset.json`, `splits.csv`, `quarantine.csv` and its cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32, Int, Shaped

from mmdx.data.fingerprint import STORE_FORMAT
from mmdx.data.shards import Layout, ModalityFacts
from mmdx.data.splits import prove_disjoint, read_splits
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.study import SPLITS, Split

DESCRIPTION = "dataset.json"
SPLIT_FILE = "splits.csv"
_AGAIN = "remove the folder and prepare the store again"


class Store:
    """Reads the folder that `mmdx prepare` left; rows are studies, pixels stay on disk until asked for.

    Raises `DataError` where the folder is no store, is unfinished, or has been tampered with.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.description = _description(folder)
        self.layout = _layout(self.description)
        self._rows = _open_shards(folder, self.description, self.layout).with_format("arrow")
        counted = [n for n, facts in self.layout.modalities.items() if facts.kind != "text"]
        names = [n for n in counted if self.layout.modalities[n].kind == "images"]
        small = ["study_id", "patient_id", "labels", *(f"{n}.length" for n in counted), *(f"{n}.order" for n in names)]
        table = self._rows.select_columns(small)[:]
        self.study_ids: list[str] = table["study_id"].to_pylist()
        self.patient_ids: list[str] = table["patient_id"].to_pylist()
        flat = table["labels"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        self.labels: Float[np.ndarray, "n f"] = flat.reshape(len(self.study_ids), len(self.layout.findings))
        self._lengths = {n: table[f"{n}.length"].to_numpy() for n in counted}
        self._orders = {n: table[f"{n}.order"].to_pylist() for n in names}
        self.splits: list[Split] = _splits_of(self.study_ids, folder / SPLIT_FILE)
        prove_disjoint(self.study_ids, self.patient_ids, self.splits)

    def __len__(self) -> int:
        return len(self.study_ids)

    @property
    def findings(self) -> tuple[str, ...]:
        return self.layout.findings

    @property
    def modalities(self) -> dict[str, ModalityFacts]:
        return dict(self.layout.modalities)

    def columns_of(self, findings: Sequence[str]) -> list[int]:
        """The places of `findings` in the label rows. Raises `UsageError` for one that the store does not have."""
        for finding in findings:
            if finding not in self.findings:
                raise UsageError(
                    f"data.findings: no '{finding}' in {self.folder}; {did_you_mean(finding, self.findings)}"
                )
        return [self.findings.index(finding) for finding in findings]

    def rows_of(self, split: Split) -> list[int]:
        return [row for row, name in enumerate(self.splits) if name == split]

    def lengths(self, modality: str) -> Int[np.ndarray, "n"]:
        """Images or vectors a study, 0 where the modality is absent."""
        return self._lengths[modality]

    def order_source(self, row: int, modality: str) -> str | None:
        """The evidence that the slices stand in order, None where the modality is absent."""
        order = self._orders[modality][row]
        return json.loads(order)["source"] if order else None

    def read(self, row: int) -> StoredStudy:
        """One study; its pixels are views of the memory-mapped file."""
        return StoredStudy(self._rows[row], self.layout)


class StoredStudy:
    """One row of a store."""

    def __init__(self, table: Any, layout: Layout) -> None:
        self._table = table
        self._layout = layout

    def pixels(self, modality: str) -> Shaped[np.ndarray, "n c h w"]:
        """Raw stored pixels, read-only: int16 Hounsfield units or uint8; n is 0 where the modality is absent."""
        facts, side = self._layout.modalities[modality], self._layout.size
        return self._flat(modality).reshape(-1, facts.channels, side, side)

    def vectors(self, modality: str) -> Float32[np.ndarray, "n d"]:
        """Descriptors, read-only; n is 0 where the modality is absent."""
        return self._flat(modality).reshape(-1, self._layout.modalities[modality].width)

    def text(self, modality: str) -> str | None:
        return self._table[modality][0].as_py()

    def slice_labels(self, modality: str) -> Float[np.ndarray, "n f"]:
        """Labels by image; n is 0 where the data set has none for this study."""
        flat, findings = self._flat(f"{modality}.slice_labels"), len(self._layout.findings)
        return flat.reshape(len(flat) // max(findings, 1), findings)

    def traits(self) -> dict[str, str | float]:
        return json.loads(self._table["traits"][0].as_py())

    def boxes(self) -> list[dict[str, Any]]:
        """Lesion boxes in pixels of the stored images."""
        return json.loads(self._table["boxes"][0].as_py())

    def _flat(self, column: str) -> np.ndarray:
        return self._table[column].chunk(0).flatten().to_numpy(zero_copy_only=True)


def is_store(folder: Path) -> bool:
    """Whether `folder` holds a finished store."""
    return (folder / DESCRIPTION).is_file()


def _description(folder: Path) -> dict[str, Any]:
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError:
        started = any(folder.glob("shard-*"))
        hint = (
            "its preparation did not finish; run the same mmdx prepare again"
            if started
            else "make one with mmdx prepare"
        )
        raise DataError(f"{folder}: not a finished store; {hint}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / DESCRIPTION}: cannot be read ({error}); {_AGAIN}") from None
    if not isinstance(description, dict) or description.get("format") != STORE_FORMAT:
        raise DataError(f"{folder}: not a store of this version's format, {STORE_FORMAT}; {_AGAIN}")
    return description


def _layout(description: dict[str, Any]) -> Layout:
    modalities = {name: ModalityFacts(**facts) for name, facts in description["modalities"].items()}
    return Layout(modalities, tuple(description["findings"]), description["size"])


def _open_shards(folder: Path, description: dict[str, Any], layout: Layout) -> datasets.Dataset:
    columns, shards = layout.features(), []
    for index in range(description["shards"]):
        path = folder / f"shard-{index:05d}.arrow"
        if not path.is_file():
            raise DataError(f"{path}: missing from a finished store; {_AGAIN}")
        try:
            shard = datasets.Dataset.from_file(str(path))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path}: is damaged ({' '.join(str(error).split())}); {_AGAIN}") from None
        if shard.features != columns:
            raise DataError(f"{path}: its columns are not those of {DESCRIPTION}; {_AGAIN}")
        shards.append(shard)
    held = sum(map(len, shards))
    if held != description["studies"]:
        raise DataError(f"{folder}: its shards hold {held} studies, not {description['studies']}; {_AGAIN}")
    return datasets.concatenate_datasets(shards)


def _splits_of(study_ids: Sequence[str], path: Path) -> list[Split]:
    given = read_splits(path)
    strangers = sorted(given.keys() ^ set(study_ids))
    if strangers:
        where = "the file alone" if strangers[0] in given else "the store alone"
        raise DataError(f"{path}: study '{strangers[0]}' is in {where}; list each study of the store once")
    return [given[study] for study in study_ids]


def split_counts(splits: Sequence[Split]) -> dict[str, int]:
    return {name: sum(split == name for split in splits) for name in SPLITS}
