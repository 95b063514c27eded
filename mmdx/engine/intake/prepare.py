"""Raw files become a store: a reader with its options, how the store is made, and who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
from rich.console import Console

from mmdx.config_file import explain, with_overrides
from mmdx.data.readers import register_all
from mmdx.data.readers.detect import detect_reader
from mmdx.data.store.lock import Group
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError
from mmdx.registry import READERS
from mmdx.schema import Component, DataConfig, SplitOptions
from mmdx.strangers.screen import screen

SPLIT_WORDS = {"val": "val", "test": "test", "split_seed": "seed"}
"""Words of the command line, and the options of a split that they set."""
STORE_WORDS = ("size", *SPLIT_WORDS, "pseudonym_key")
SMALLEST = 8
"""The smallest side of a stored image, in pixels."""


@dataclass(frozen=True)
class StoreOptions:
    """How a store is made: the side of its images in pixels, how patients without a split are dealt, and a file with
    the key of its pseudonyms."""

    size: int = DataConfig.model_fields["size"].default
    split: SplitOptions = field(default_factory=SplitOptions)
    pseudonym_key: Path | None = None


def prepare_source(
    source: Path,
    out: Path,
    *,
    reader: str | None = None,
    options: Mapping[str, Any] | None = None,
    store: StoreOptions | None = None,
    console: Console,
) -> Store:
    """Prepares raw files in the folder `out`, by the reader of that name, or `dicom` or `folder`, whichever fits.

    Processes that were launched together (`torchrun -m mmdx.cli prepare …`) share the work, and the main one speaks on
    `console`. Raises `UsageError` for a reader or an option of it that there is not.
    """
    register_all()
    if reader is None and not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    name = reader or detect_reader(source).type
    READERS.get(name, "prepare")
    component = READERS.resolve(Component(type=name, **dict(options or {})), f"reader {name}")
    made = store or StoreOptions()
    _check_size(made.size)
    recipe = Recipe(component, source, made.size, made.pseudonym_key)
    group = Group.of_environment()
    if group.world == 1:
        return prepare_store(recipe, out, made.split, console)
    # These know torch, which a lone process need not wait for.
    from accelerate import PartialState

    from mmdx.engine.processes import main_first

    processes = PartialState(cpu=True)
    try:
        main_console = screen(stderr=console.stderr, quiet=group.rank > 0)
        return prepare_store(recipe, out, made.split, main_console, turn=main_first(processes))
    finally:
        processes.destroy_process_group()


def parse_words(
    reader: str, words: Sequence[str], *, plugins: Sequence[str] = ()
) -> tuple[StoreOptions, dict[str, Any]]:
    """The `option=value` words of a command line: those of the store, and those of the reader.

    `size`, `val`, `test`, `split_seed` and `pseudonym_key` (a file) are the store's, every other the reader's.
    `plugins` are modules of the user's own, imported first. Raises `UsageError` for a value that cannot be.
    """
    register_all()
    import_plugins(plugins)
    READERS.get(reader, "prepare")
    options = with_overrides({}, words)
    of_reader = READERS.schema(reader).model_fields
    values = {name: options.pop(name) for name in STORE_WORDS if name in options and name not in of_reader}
    shares = {key: values[word] for word, key in SPLIT_WORDS.items() if word in values}
    try:
        split = SplitOptions.model_validate(shares)
    except pydantic.ValidationError as error:
        raise UsageError(explain(error, SplitOptions)) from None
    key = values.get("pseudonym_key")
    size = values.get("size", StoreOptions.size)
    _check_size(size)
    return StoreOptions(size, split, None if key is None else Path(str(key))), options


def _check_size(size: Any) -> None:
    """Raises `UsageError` for a side that no stored image can have."""
    if isinstance(size, bool) or not isinstance(size, int) or size < SMALLEST:
        raise UsageError(f"size={size}: the side of a stored image in pixels is a whole number from {SMALLEST}")
