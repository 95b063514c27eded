"""Data sets in the layouts of Hugging Face: where their rows are, in which split, and which columns are classes.

- a folder that `datasets` saved (`save_to_disk`), of one split or several;
- Arrow or Parquet files, one or a folder of them; a word for a split in the name of the file, or of the nearest folder
  that has one, is its split (`data/train-00000-of-00002.parquet`, `validation/0000.parquet`);
- an image folder: classes are folders (`train/normal/1.png`), or a `metadata.csv` or `.jsonl` names the files.

Files are read where they lie: nothing is copied into a cache, no code of a data set runs, nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mmdx.data.files import inside, listing
from mmdx.data.images import columns
from mmdx.data.images.suffixes import PLAIN_SUFFIXES
from mmdx.data.tables.split_words import SPLIT_WORDS
from mmdx.data.tables.tables import read_table
from mmdx.errors import DataError, UsageError, reason
from mmdx.study import Split

METADATA = ("metadata.csv", "metadata.jsonl")
IMAGE, LABEL = "image", "label"
"""Columns of an image folder: the path of an image below the data set's folder, and its class."""
_WORDS: Mapping[str, Split] = {**SPLIT_WORDS, "eval": "test", "evaluation": "test"}
_WANTED = (*columns.SUFFIXES, *PLAIN_SUFFIXES)


@dataclass(frozen=True)
class Part:
    """Rows that lie together: those of one file, or of an image folder, whose rows are `table`.

    `images` are the columns that say that they hold images. `classes` names the classes of a column of class indices,
    `several` those of a column of lists of them.
    """

    path: Path
    name: str
    split: Split | None
    schema: pa.Schema
    images: tuple[str, ...]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table: pa.Table | None = None

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if self.table is None:
            return columns.batches(self.path, names)
        return iter(self.table.select(names).to_batches())

    def row_name(self, row: int) -> str:
        """What a row without an identifier is called: its image, or its file and number."""
        return f"{self.name}/{row}" if self.table is None else str(self.table[IMAGE][row])


def parts_of(root: Path, base: Path) -> list[Part]:
    """The parts of the data set in `root`, a file or a folder, in the order of their names.

    Nothing may lead out of `base`. Raises `DataError` where there is no such data set.
    """
    if root.is_file():
        return [_of_file(root, root.stem, None)]
    if any((root / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return _saved(root, base)
    files = list(_files(root, base))
    rows = [path for path in files if path.suffix.lower() in columns.SUFFIXES]
    if rows:
        names = [path.relative_to(root).with_suffix("").as_posix() for path in rows]
        return [_of_file(path, name, _split_of(path, name)) for path, name in zip(rows, names, strict=True)]
    return _image_folder(root, base)


def file_in(root: Path, base: Path, name: str, where: str) -> Path:
    """The file that a data set in `root` names. Raises `DataError` where it is not there or not within `base`."""
    path = root / name
    return inside(base, path.relative_to(base).as_posix() if path.is_relative_to(base) else name, where)


def fetched(name: str, revision: str | None) -> tuple[Path, Path]:
    """The folder of a data set of the hub, and the one that it must not lead out of; downloaded where it is not yet.

    `name` is `owner/name`, or `owner/name/folder` for a folder of it alone. Raises `DataError` where the hub gives
    nothing.
    """
    owner, repository, folder = (*name.split("/", 2), "", "")[:3]
    if not owner or not repository:
        raise UsageError(f"'{name}': neither a folder nor a data set of the hub, which is called owner/name")
    import huggingface_hub

    patterns = [f"{folder}/*{end}" if folder else f"*{end}" for end in (*_WANTED, *METADATA)]
    try:
        snapshot = huggingface_hub.snapshot_download(
            f"{owner}/{repository}", repo_type="dataset", revision=revision, allow_patterns=patterns
        )
    except (OSError, ValueError) as error:
        raise DataError(f"'{name}': the hub gives no such data set: {reason(error)}") from None
    # The files of a snapshot are links to the blobs beside it.
    return Path(snapshot, folder), Path(snapshot).parents[1]


def _files(folder: Path, base: Path) -> Iterator[Path]:
    """All files below `folder`, those of a folder before those of the folders within it."""
    waiting = [folder]
    while waiting:
        files, folders = listing(waiting.pop(), base)
        yield from files
        waiting += reversed(folders)


def _of_file(path: Path, name: str, split: Split | None) -> Part:
    if path.suffix.lower() not in columns.SUFFIXES:
        raise DataError(f"{path}: neither {' nor '.join(columns.SUFFIXES)}; give such a file, or a folder")
    import datasets  # imported here: all readers are known to every verb, and hardly any reads such files

    schema = columns.schema(path)
    try:
        features = datasets.Features.from_arrow_schema(schema)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: its columns cannot be understood: {reason(error)}; save it with a newer datasets"
        ) from None
    classes, several = {}, {}
    for column, feature in features.items():
        if isinstance(feature, datasets.ClassLabel):
            classes[column] = tuple(feature.names)
            continue
        inner = feature.feature if isinstance(feature, datasets.List | datasets.LargeList) else None
        if isinstance(inner, datasets.ClassLabel):
            several[column] = tuple(inner.names)
    images = tuple(column.name for column in schema if columns.holds_images(column.type))
    return Part(path, name, split, schema, images, classes, several)


def _saved(root: Path, base: Path) -> list[Part]:
    """The files of a folder that `datasets` saved, which says itself which they are."""
    import datasets

    try:
        loaded = datasets.load_from_disk(str(root), keep_in_memory=False)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{root}: datasets cannot load it: {reason(error)}; save it again") from None
    splits = loaded.items() if isinstance(loaded, datasets.DatasetDict) else [("", loaded)]
    top = os.path.abspath(root)  # noqa: PTH100 - as datasets does: without "..", links not followed
    parts = []
    for word, rows in splits:
        if len(rows) != len(rows.data):
            raise DataError(f"{root}: rows of '{word}' are chosen by an index; save it again with a newer datasets")
        for entry in rows.cache_files:
            path = Path(entry["filename"])
            name = path.relative_to(top).as_posix() if path.is_relative_to(top) else path.as_posix()
            path = file_in(root, base, name, str(root))
            parts.append(_of_file(path, name.removesuffix(path.suffix), _split_of(root, str(word))))
    return parts


def _split_of(path: Path, name: str) -> Split | None:
    """The split that a name with folders tells, the innermost part that tells one deciding."""
    for part in reversed(name.split("/")):
        splits: set[Split] = {_WORDS[word] for word in re.split(r"[^a-z]+", part.lower()) if word in _WORDS}
        if len(splits) > 1:
            raise DataError(f"{path}: '{part}' names the splits {' and '.join(sorted(splits))}; rename it")
        if splits:
            return splits.pop()
    return None


def _image_folder(root: Path, base: Path) -> list[Part]:
    folders = [folder for folder in listing(root, base)[1] if folder.name.lower() in _WORDS]
    places = folders or [root]
    for path in _files(root, base) if folders else ():
        if _is_row(path) and not any(path.is_relative_to(folder) for folder in folders):
            names = ", ".join(folder.name for folder in folders)
            raise DataError(f"{path}: lies beside the splits ({names}); move it into one, or out of {root}")
    rows = {folder: [path for path in _files(folder, base) if _is_row(path)] for folder in places}
    if not any(rows.values()):
        raise DataError(f"{root}: no Arrow file, no Parquet file and no image in it; is it the right folder?")
    classes = sorted({path.parent.name for folder in places for path in rows[folder] if path.parent != folder})
    return [_of_images(folder, rows[folder], root, tuple(classes)) for folder in places]


def _is_row(path: Path) -> bool:
    return path.suffix.lower() in PLAIN_SUFFIXES or path.name in METADATA


def _of_images(folder: Path, files: Sequence[Path], root: Path, names: tuple[str, ...]) -> Part:
    split = _WORDS.get(folder.name.lower()) if folder != root else None
    tables = [path for path in files if path.name in METADATA]
    if len(tables) > 1:
        raise DataError(f"{tables[1]}: a second table beside {tables[0]}; keep one per split")
    if tables:
        table = _from_metadata(tables[0], root)
        return Part(tables[0], folder.name, split, table.schema, (IMAGE,), table=table)
    paths = [path.relative_to(root).as_posix() for path in files]
    labels = [names.index(path.parent.name) if path.parent != folder else None for path in files]
    cells = {IMAGE: pa.array(paths, pa.string())} | ({LABEL: pa.array(labels, pa.int64())} if names else {})
    table = pa.table(cells)
    return Part(folder, folder.name, split, table.schema, (IMAGE,), {LABEL: names} if names else {}, table=table)


def _from_metadata(path: Path, root: Path) -> pa.Table:
    """The table beside images, its cells as text; `file_name` becomes the path below `root`."""
    table = read_table(path, required=["file_name"])
    folder = path.parent.relative_to(root)
    cells: dict[str, list[str | None]] = {IMAGE: [(folder / row.text("file_name")).as_posix() for row in table.rows]}
    for column in table.columns:
        if column != "file_name":
            values = [row.cells.get(column) for row in table.rows]
            cells[column] = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()})
