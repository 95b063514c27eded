"""Model folders are copied file by file: what belongs to a model, whatever else a stranger may have put beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmdx.errors import DataError
from mmdx.files import ModelLayout, copy_file
from mmdx.strangers.bounded import regular

_LAYOUT = ModelLayout(Path())
_OWN = (
    *(_LAYOUT.config, _LAYOUT.facts, _LAYOUT.weights, _LAYOUT.calibration, _LAYOUT.ensemble),
    *(_LAYOUT.stack, _LAYOUT.stack_tensors, _LAYOUT.domain, _LAYOUT.domain_tensors),
)
_OF_TOKENIZER = ("tokenizer.json", "length.json")
PATTERNS = tuple(
    f"{place}{name}"
    for name in (*map(str, _OWN), *(f"tokenizers/*/{name}" for name in _OF_TOKENIZER))
    for place in ("", "first/", "first/*/", "members/*/")
)
"""What the files of a model folder are called, `*` being anything, with those of its first stage and its members."""


def copy_files(source: Path, folder: Path) -> None:
    """Copies the files of a model folder, of one model or of an ensemble, with the first stages that it has.

    Raises `DataError` where one of them is no regular file, or a link that leaves the folder. A download of the Hub is
    a folder of links into what was downloaded of the same model, which is a part of it.
    """
    root = source.resolve()
    cached = next((above for above in (source, *source.parents) if above.parent.name == "snapshots"), None)
    if cached is not None and cached.parents[1].name.startswith("models--"):
        root = cached.parents[1].resolve()
    for path in list(_files(source)):
        if not path.resolve().is_relative_to(root):
            raise DataError(f"{path}: is a link out of {source}, and is not copied; put the file itself there")
        copy_file(regular(path), folder / path.relative_to(source))


def _files(folder: Path) -> Iterator[Path]:
    """The files that belong to the model in a folder, as far as they are there."""
    layout = ModelLayout(folder)
    yield from (path for path in (folder / name for name in _OWN) if path.exists() or path.is_symlink())
    for name in _OF_TOKENIZER:
        yield from sorted(layout.tokenizer("").rglob(name))
    if layout.first.is_dir():
        yield from _files(layout.first)
    number = 0
    while layout.member(number).folder.is_dir():
        yield from _files(layout.member(number).folder)
        number += 1
