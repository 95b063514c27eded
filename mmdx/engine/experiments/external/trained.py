"""The studies that a finished run learned from, as far as they are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from mmdx.data.cohorts.joined import Part
from mmdx.data.cohorts.names import Names
from mmdx.data.store.layout import Layout
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.assembly.store import store_at_hand, stores_of_members
from mmdx.engine.runs.record import same_store, splits_of
from mmdx.errors import DataError
from mmdx.files import RunLayout


@dataclass(frozen=True)
class Trained:
    """The store of a run, or None with the line that says why not. `train` are the rows that its baselines are fitted
    on, `learned` those that taught or chose any of its models. `stores` has that of each member of an ensemble."""

    store: Store | None = None
    train: Sequence[int] = ()
    learned: Sequence[int] = ()
    stores: tuple[Store, ...] = ()
    missing: str | None = None

    def part(self, member: int, layout: Layout) -> list[Part]:
        """The training studies as one member reads them, under the names of the run; none without a store."""
        if self.store is None:
            return []
        store = self.stores[member] if self.stores else self.store
        held = store.modalities
        modalities = {n: n for n, facts in layout.modalities.items() if n in held and held[n].kind == facts.kind}
        findings = {n: n for n in layout.findings if n in store.findings}
        return [Part(store, list(self.train), Names(findings, modalities))]


def trained_on(run: RunLayout, saved: SavedModel, console: Console) -> Trained:
    """What taught a run. Every study of a cross-validation has taught some of its models.

    A store that is gone, or is another by now, keeps nothing from being scored: baselines are left out, and it is said.
    """
    if not run.environment.is_file():
        return Trained(missing=f"{run.folder}: a model folder alone, which does not say on what it was trained")
    try:
        store = store_at_hand(run, saved.config, console)
        if store is None:
            return Trained(missing=f"{run.folder}: the store that it was trained on is not there")
        same_store(run, store)
        stores = stores_of_members(run, store)
    except DataError as error:
        return Trained(missing=str(error))
    if run.folds.is_file():
        every = list(range(len(store)))
        return Trained(store, every, every, stores)
    splits = splits_of(run, store)
    train, learned = splits.rows("train"), splits.joined().rows("train")
    return Trained(store, learned if run.final.is_file() else train, learned, stores)
