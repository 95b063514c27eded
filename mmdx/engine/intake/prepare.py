"""`mmdx prepare`: the words of a command line become a recipe and a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic
from rich.console import Console

from mmdx.config import Component, DataConfig, SplitOptions
from mmdx.config_file import explain, with_overrides
from mmdx.data.readers import register_all
from mmdx.data.store.lock import Group
from mmdx.data.store.prepare import Recipe, prepare_into
from mmdx.data.store.store import Store
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError
from mmdx.registry import READERS

STORE_OPTIONS = ("size", "val", "test", "split_seed", "pseudonym_key")


def prepare_store(
    reader: str, source: Path, out: Path, options: Sequence[str], console: Console, *, plugins: Sequence[str] = ()
) -> Store:
    """Prepares `source` in `out`; `plugins` are modules of the user's own, imported first.

    The options `size`, `val`, `test`, `split_seed` and `pseudonym_key` (a file) are the store's, every other the
    reader's. Processes that were launched together (`torchrun -m mmdx.cli prepare …`) share the work, and the main one
    speaks. Raises `UsageError` for an option that neither has.
    """
    register_all()
    import_plugins(plugins)
    READERS.get(reader, "prepare")
    given = with_overrides({}, options)
    known = READERS.schema(reader).model_fields
    mine = {name: given.pop(name) for name in STORE_OPTIONS if name in given and name not in known}
    key = mine.pop("pseudonym_key", None)
    size = mine.pop("size", DataConfig.model_fields["size"].default)
    if not isinstance(size, int) or size < 8:
        raise UsageError(f"size={size}: the side of a stored image in pixels is a whole number from 8")
    if "split_seed" in mine:
        mine["seed"] = mine.pop("split_seed")
    split = _split(mine)
    component = READERS.resolve(Component(type=reader, **given), f"reader {reader}")
    recipe = Recipe(component, source, size, Path(str(key)) if key is not None else None)
    group = Group.of_environment()
    if group.world == 1:
        return prepare_into(recipe, out, split, console)
    # These know torch, which a lone process need not wait for.
    from accelerate import PartialState

    from mmdx.engine.processes import main_first

    processes = PartialState(cpu=True)
    try:
        loud = Console(stderr=console.stderr, quiet=group.rank > 0)
        return prepare_into(recipe, out, split, loud, main_first(processes))
    finally:
        processes.destroy_process_group()


def _split(given: dict[str, Any]) -> SplitOptions:
    try:
        return SplitOptions.model_validate(given)
    except pydantic.ValidationError as error:
        raise UsageError(explain(error, SplitOptions)) from None
