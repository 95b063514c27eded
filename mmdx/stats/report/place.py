"""The folder of a written comparison: what it was made from, and whether another may take its place."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdx.errors import DataError, UsageError, some
from mmdx.strangers.bounded import read_json

RECORD = "compare.json"
"""The last file that is written: what is made of the others can be read there."""
TEXTS = ("compare.html", "compare.md", "compare.tex")
SOURCES, MADE_FROM = "sources", "made_from"
"""Keys of `compare.json`: its sources as they were given, and what tells them and the split from all others."""


def account(folder: Path, sources: Sequence[Path | str], split: str) -> dict[str, Any]:
    """What `compare.json` in a folder says of what it was made from. A source is a path, or the name of a table.

    `made_from` depends on where the sources lie beside the folder, so that both can be moved together, and tells no
    path.
    """
    home = folder.resolve()
    places = [os.path.relpath(one.resolve(), home) if isinstance(one, Path) else f"table {one}" for one in sources]
    digest = hashlib.blake2b(json.dumps([split, *places]).encode("utf-8", "surrogateescape"), digest_size=8)
    return {SOURCES: [str(source) for source in sources], MADE_FROM: digest.hexdigest()}


def refuse_other(folder: Path, sources: Sequence[Path | str], split: str) -> None:
    """Raises `UsageError` where a folder holds a comparison that was made from anything else, or does not say."""
    earlier = earlier_record(folder)
    if earlier is None or earlier.get(MADE_FROM) == account(folder, sources, split)[MADE_FROM]:
        return
    named = earlier.get(SOURCES)
    of = some([str(name) for name in named]) if isinstance(named, list) and named else "other sources"
    raise UsageError(
        f"{folder}: holds the comparison of {of} ({earlier.get('split', 'test')} split); give --out OTHER for this "
        "one, or --overwrite to replace that one"
    )


def earlier_record(folder: Path) -> Mapping[str, Any] | None:
    """What `compare.json` of a folder says, nothing where it cannot be read; None where no comparison lies there."""
    try:
        record = read_json(folder / RECORD)
    except FileNotFoundError:
        return {} if any((folder / name).exists() for name in TEXTS) else None
    except DataError:
        return {}
    return record if isinstance(record, dict) else {}


def earlier_figures(folder: Path) -> list[str]:
    """The figures that an earlier comparison left in a folder; none where its `compare.json` cannot tell."""
    names = (earlier_record(folder) or {}).get("figures")
    # Only names that a comparison gives: a file that anyone edited shall remove nothing else.
    return [str(name) for name in names if _is_figure(name)] if isinstance(names, list) else []


def _is_figure(name: object) -> bool:
    return re.fullmatch(r"figures/\w+\.(png|pdf|svg|csv)", str(name)) is not None
