"""Who answers: the model, the data that it learned from, and a digest that tells its weights from others."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from mmdx import __version__
from mmdx.engine.assembly.saved import SavedModel, weights_digest
from mmdx.engine.runs.folder import model_folder
from mmdx.files import RunLayout


@dataclass(frozen=True)
class Author:
    """A model by the name of its run, the `data` that it learned from (`dicom: chest_2024`), the `digest` of its
    weights (32 hex digits), and how many models answer together."""

    model: str
    data: str
    digest: str
    members: int = 1

    @property
    def uid(self) -> str:
        """The UID of the device that answers: the same weights are the same device, wherever they lie."""
        return f"2.25.{uuid.UUID(hex=self.digest).int}"

    @property
    def facts(self) -> str:
        """What tells it from others, in one line: further ones would stand once for each box in a report."""
        together = f"; {self.members} models answer together" if self.members > 1 else ""
        return f"model {self.model}; weights {self.digest} (BLAKE2b); data {self.data}{together}"

    @property
    def version(self) -> str:
        return __version__


def author_of(saved: SavedModel, run: Path) -> Author:
    """The author that the model in `run` (a run or model folder) is."""
    folder = model_folder(run).resolve()
    home = folder.parent.parent
    named = home if RunLayout(home).best == folder else folder
    return Author(named.name, _data_of(saved), weights_digest(folder), len(saved.members))


def _data_of(saved: SavedModel) -> str:
    """Reader and source that a model learned from, else its store; of a path the last name alone."""
    data = saved.config.data
    if data.reader is None or data.source is None:
        return f"store {data.store.name}" if data.store is not None else "unknown"
    return f"{data.reader.type}: {data.source.name}"
