"""`mmdx inspect`: raw studies as a reader finds them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mmdx.config import Component
from mmdx.data.readers import register_all
from mmdx.data.readers.detect import detect_reader
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.engine.intake.rows import rows, summary, table
from mmdx.errors import UsageError
from mmdx.registry import READERS


def inspect_path(path: Path, reader: str | None, out: Path | None, plugins: Sequence[str] = ()) -> bool:
    """Prints the studies under `path`, or writes them as JSON; False where one has no modality that could be read.

    `plugins` are modules of the user's own, imported first. The reader, and beside JSON what was found in all, go to
    standard error.
    """
    register_all()
    import_plugins(plugins)
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    component = Component(type=reader) if reader else detect_reader(path)
    studies = READERS.build(component, "--reader", root=path)
    found = rows(studies, path)
    read = f"{path}, reader '{component.type}'"
    if out is None:
        print(read, file=sys.stderr)
        console = Console()
        console.print(table(found, width=console.width))
    else:
        _write_json(found, out)
        print(f"{read}: {summary(found)}", file=sys.stderr)
    return all(study.modalities for study in studies)


def _write_json(found: list[dict[str, Any]], out: Path) -> None:
    if str(out) == "-":
        print(json.dumps(found, indent=2))
        return
    try:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {out}: cannot be written ({error.strerror}); choose another file") from None
    print(f"{out}: {len(found)} rows", flush=True)
