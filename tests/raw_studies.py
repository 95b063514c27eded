"""Raw studies of a few bytes, and the shard that they become."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np

from mmdx.data.store.layout import layout_of
from mmdx.data.store.shards import write_shard
from mmdx.study import ImageFiles, ImageRef, Order, Study, VectorFiles


def images(*paths: Path, **facts: object) -> ImageFiles:
    return ImageFiles(tuple(ImageRef(path) for path in paths), Order("given"), **facts)


def study(name: str, modalities: dict | None = None, **facts: object) -> Study:
    return Study(name, f"patient of {name}", {"report": "Fell."} if modalities is None else modalities, **facts)


def vectors(path: Path, values: object) -> VectorFiles:
    array = np.array(values, dtype=np.float32)
    np.save(path, array)
    return VectorFiles((path,), array.shape[-1])


def written(path: Path, studies: list[Study], *, size: int = 8) -> tuple[list[dict], list[dict[str, str]]]:
    layout = layout_of(studies, size=size)
    quarantine = write_shard(path, studies, layout, root=path.parent)
    return datasets.Dataset.from_file(str(path)).to_list(), quarantine
