"""The studies of a config as far as they are known before anything is prepared."""

from __future__ import annotations

from pathlib import Path

from mmdx.data.store.found import FoundStore
from mmdx.data.store.layout import layout_of
from mmdx.data.store.prepare import deal_studies
from mmdx.data.store.stacks import with_stacks
from mmdx.data.store.store import Store, is_store
from mmdx.engine.assembly.checks import check_studies_for
from mmdx.engine.assembly.store import makes_source, recipe_of
from mmdx.errors import DataError
from mmdx.schema import Config, SplitOptions


def found_store(config: Config) -> Store | None:
    """The store of a config where it is prepared, else what its reader finds; None where the reader would make its
    source first, or download it.

    Raises `UsageError` or `DataError` where there are no such studies, or a store lies where this one should.
    """
    recipe = recipe_of(config)
    if recipe is None:
        return with_stacks(Store(Path(str(config.data.store))), config.data.stacks)[0]
    folder = config.data.store or recipe.folder(config.data.stores)
    if is_store(folder):
        store = Store(folder)
        if store.fingerprint != recipe.fingerprint():
            raise DataError(recipe.refusal(folder, store.description))
        return with_stacks(store, config.data.stacks)[0]
    downloads = recipe.reader.options.get("hub") is True and not recipe.source.exists()
    if makes_source(recipe.reader.type) or downloads:
        return None
    studies = [study for study in recipe.read() if study.modalities]
    if not studies:
        raise DataError(f"{recipe.source}: no study can be read; mmdx inspect says why")
    check_studies_for(config, studies)
    layout = layout_of(studies, size=recipe.size)
    found = FoundStore(studies, layout, deal_studies(studies, layout, SplitOptions()), recipe.source)
    return found.stacked(config.data.stacks)
