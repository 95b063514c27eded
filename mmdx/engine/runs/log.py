"""`log.jsonl` of a run: one JSON object per line, for each optimizer step and each epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdx.files import write_text
from mmdx.strangers.bounded import parse_log_line, read_text


def append_log(log: Path, entry: Mapping[str, Any]) -> None:
    """Adds one line; `step` of the entry is the optimizer step that it is of."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def drop_log_after(log: Path, step: int, epoch: int = 0) -> None:
    """Drops the lines of steps after `step` and of epochs after `epoch`, both counted from 1, which a resumed run will
    do again, and a last line that a kill left torn."""
    if not log.is_file():
        return
    lines = read_text(log).splitlines()
    if lines and not lines[-1].endswith("}"):
        lines.pop()
    earlier = [line for line in lines if line and _is_done(parse_log_line(line, str(log)), step, epoch)]
    write_text(log, "".join(f"{line}\n" for line in earlier))


def _is_done(entry: Mapping[str, Any], step: int, epoch: int) -> bool:
    """Lines of epochs have `seconds`, and are of the last step of their epoch."""
    return entry["step"] <= step and ("seconds" not in entry or entry["epoch"] <= epoch)
