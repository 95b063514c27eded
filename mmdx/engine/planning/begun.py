"""A folder for a new study: its config, the way to a claim, and a card to fill by those who know the data."""

from __future__ import annotations

import shlex
from pathlib import Path

from mmdx import __version__
from mmdx.engine.planning import templates
from mmdx.engine.planning.planned import Planned
from mmdx.errors import UsageError
from mmdx.files import write_text
from mmdx.templates import environment

CONFIG, README, CARD = "config.yaml", "README.md", "data_card.md"


def begin(folder: Path, planned: Planned, source: Path) -> list[Path]:
    """Writes the files of a new study into `folder`, and returns them.

    Raises `UsageError` where the folder holds something already, or cannot be written.
    """
    refuse_taken(folder)
    data, model = planned.config.data, planned.config.model
    quoted = shlex.quote(folder.as_posix())
    facts = {
        "name": folder.resolve().name,
        "plain": folder.as_posix(),
        "folder": quoted,
        "config": f"{quoted}/{CONFIG}",
        "store": f"data.store={quoted}/store",
        "run": f"run={quoted}/runs/first",
        "source": source.as_posix(),
        "version": __version__,
        "summary": planned.summary,
        "wishes": planned.wishes,
        "remarks": planned.remarks,
        "modalities": list(model.inputs),
        "findings": list(data.findings or ()),
        "primary": data.primary or "the macro mean",
    }
    made = environment(templates.__name__)
    texts = {name: made.get_template(f"{name}.j2").render(**facts) for name in (README, CARD)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {CONFIG: planned.text, **texts}.items():
            write_text(folder / name, text)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
    return [folder / name for name in (CONFIG, README, CARD)]


def refuse_taken(folder: Path) -> None:
    """Raises `UsageError` where a folder holds something, or is none."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise UsageError(f"{folder}: holds something already; choose a folder that is not there yet")
