"""From raw files to a store and its audit; nothing here needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mmdx.data.audit.audit import Audit
from mmdx.data.store.store import Store
from mmdx.engine.intake.inspect import find_studies
from mmdx.engine.intake.prepare import StoreOptions, prepare_source
from mmdx.engine.reporting.audit import audit_store
from mmdx.schema import SplitOptions
from mmdx.study import Study


def read(source: str | Path, *, reader: str | None = None, plugins: Sequence[str] = (), **options: Any) -> list[Study]:
    """The studies in raw files, in the same order each time; no pixel is decoded.

    `reader` is one of `mmdx list readers`, by default `dicom` or `folder`, whichever fits; `options` are its own.
    `plugins` are modules of your own to import first. A study that cannot be read is among them, without modalities,
    and its `problems` say why. Raises `DataError` where a table is wrong as a whole, and `UsageError` for a reader or
    an option that there is not.
    """
    return find_studies(Path(source), reader=reader, options=options, plugins=plugins)[1]


def prepare(
    source: str | Path,
    out: str | Path,
    *,
    reader: str | None = None,
    size: int = 224,
    split: SplitOptions | None = None,
    pseudonym_key: str | Path | None = None,
    **options: Any,
) -> Store:
    """Decodes raw files once and writes a store into the folder `out`; run again, it goes on where it stopped.

    `size` is the side of a stored image in pixels. `split` deals patients that came without one, by default 15 % for
    validation and 20 % for test. `pseudonym_key` is a file with a key that replaces identifiers. `options` are the
    reader's. What cannot be read goes to `quarantine.csv` with its reason. Raises `DataError` where nothing is left, or
    where `out` holds something else.
    """
    store_options = StoreOptions(
        size=size, split=split or SplitOptions(), pseudonym_key=Path(pseudonym_key) if pseudonym_key else None
    )
    return prepare_source(
        Path(source), Path(out), reader=reader, options=options, store=store_options, console=Console(quiet=True)
    )


def audit(store: str | Path | Store) -> Audit:
    """What in a store may make a result wrong: leaks between splits, reports that state the label, shortcuts, labels
    that cannot be learnt. It is left in the store as `audit.json`."""
    return audit_store(store.folder if isinstance(store, Store) else Path(store))
