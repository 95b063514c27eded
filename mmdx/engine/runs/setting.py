"""What one training or scoring stands on, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.files import RunLayout
from mmdx.schema import Config


@dataclass(frozen=True)
class Setting:
    """What one training stands on.

    `config` is resolved, `run` is where everything goes, `splits` has one entry per study of `store`. `console` is
    quiet on all processes but the main one. `stores`, where members of an ensemble read other descriptors of the same
    studies each, has the store of every member, the first being `store`. `count` is told how far long work is, on the
    main process alone.
    """

    config: Config
    run: RunLayout
    store: Store
    splits: Splits
    accelerator: Accelerator
    console: Console
    stores: tuple[Store, ...] = ()
    count: Count = uncounted

    def stores_of(self, members: int) -> tuple[Store, ...]:
        """The store of each of so many members of an ensemble."""
        return self.stores or (self.store,) * members

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files."""
        return self.accelerator.is_main_process

    def say(self, *lines: str) -> None:
        """Prints lines as they are: names of files and studies may hold what a console takes for markup."""
        for line in lines:
            self.console.print(line, markup=False, highlight=False)
