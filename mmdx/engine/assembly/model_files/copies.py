"""Model folders are copied file by file: what belongs to a model, whatever else a stranger may have put beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmdx.errors import DataError
from mmdx.files import ModelLayout, copy_file
from mmdx.strangers.bounded import regular

_OF_TOKENIZER = ("tokenizer.json", "length.json")


def copy_files(source: Path, folder: Path) -> None:
    """Copies the files of a model folder, of one model or of an ensemble, with the first stages that it has.

    Raises `DataError` where one of them is no regular file, or a link that leaves the folder.
    """
    root = source.resolve()
    for path in list(_files(source)):
        if not path.resolve().is_relative_to(root):
            raise DataError(f"{path}: is a link out of {source}, and is not copied; put the file itself there")
        copy_file(regular(path), folder / path.relative_to(source))


def _files(folder: Path) -> Iterator[Path]:
    """The files that belong to the model in a folder, as far as they are there."""
    layout = ModelLayout(folder)
    own = (layout.config, layout.facts, layout.weights, layout.calibration, layout.ensemble)
    beside = (layout.stack, layout.stack_tensors, layout.domain, layout.domain_tensors)
    yield from (path for path in (*own, *beside) if path.exists() or path.is_symlink())
    for name in _OF_TOKENIZER:
        yield from sorted(layout.tokenizer("").rglob(name))
    if layout.first.is_dir():
        yield from _files(layout.first)
    number = 0
    while layout.member(number).folder.is_dir():
        yield from _files(layout.member(number).folder)
        number += 1
