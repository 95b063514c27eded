"""The second cohort of an evaluation: a store, or raw files that are prepared as the run's own were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from mmdx.config_file import with_overrides
from mmdx.data.cohorts.names import parse_map
from mmdx.data.readers import register_all
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store, is_store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.processes import main_first
from mmdx.errors import UsageError
from mmdx.registry import READERS
from mmdx.schema import Component
from mmdx.strangers.screen import screen

KEY = "pseudonym_key"
"""The one option that is the store's, and not the reader's: a file with the key of pseudonyms."""


@dataclass(frozen=True)
class SecondCohort:
    """Where a second cohort lies: `place` is the folder of a store, or `READER:SOURCE`, raw files.

    `names` are what it calls by another name than the run: by its name the run's. `options` are the reader's, and
    `pseudonym_key`, by default that of the run's config.
    """

    place: str
    names: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parsed(cls, place: str | None, named: Sequence[str], words: Sequence[str]) -> SecondCohort | None:
        """The words of a command line; None without `--on`. Raises `UsageError` for others that belong to it alone."""
        if place is not None:
            return cls(place, parse_map(named), with_overrides({}, words))
        if named or words:
            raise UsageError(f"{f'--map {named[0]}' if named else words[0]}: is for a second cohort; name it with --on")
        return None

    @property
    def source(self) -> str | None:
        """The name of the raw files; None where `place` is a store."""
        source = self.place.partition(":")[2]
        return Path(source).name if source and not is_store(Path(self.place)) else None

    def opened(self, saved: SavedModel, accelerator: Accelerator) -> Store:
        """The store, prepared first where `place` names raw files: at the size of the run, under its `data.stores`.

        Raises `UsageError` for a place that is neither, and for options of a store that is prepared already.
        """
        folder = Path(self.place)
        if is_store(folder):
            if self.options:
                raise UsageError(
                    f"{next(iter(self.options))}: {folder} is prepared already; options are for --on READER:SOURCE"
                )
            return Store(folder)
        register_all()
        reader, colon, source = self.place.partition(":")
        if not colon or reader not in READERS.names():
            raise UsageError(
                f"--on {self.place}: no prepared store lies there; give the folder that mmdx prepare left, or "
                "READER:SOURCE (mmdx list readers)"
            )
        if not Path(source).exists():
            raise UsageError(f"--on {self.place}: {source}: no such file or folder")
        options, data = dict(self.options), saved.config.data
        key = options.pop(KEY, data.pseudonym_key)
        component = READERS.resolve(Component(type=reader, **options), f"reader {reader}")
        size = (saved.first or saved).facts.size
        recipe = Recipe(component, Path(source), size, None if key is None else Path(str(key)))
        loud = screen(stderr=True, quiet=not accelerator.is_main_process)
        return prepare_store(recipe, data.stores, None, loud, turn=main_first(accelerator), under=True)
