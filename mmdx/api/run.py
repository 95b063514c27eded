"""A run folder as a value: what a training left, read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmdx.errors import DataError
from mmdx.files import BASELINES, SLICES, RunLayout
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.evidence import gather
from mmdx.strangers.bounded import read_json


@dataclass(frozen=True, init=False)
class Run:
    """A finished training (or cross-validation) in its `folder`. Nothing is read before it is asked for.

    Raises `DataError` where the folder lacks what is asked for.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        object.__setattr__(self, "folder", Path(folder))

    @property
    def layout(self) -> RunLayout:
        """Where the files of the run lie."""
        return RunLayout(self.folder)

    @property
    def metrics(self) -> dict[str, Any]:
        """Every measure of the test split, as `metrics.json` has it."""
        return self._json(self.layout.metrics)

    @property
    def audit(self) -> dict[str, Any]:
        """What the audit says of the store and the split of the run."""
        place = self.layout.audit if self.layout.audit.is_file() else self.layout.fold(0).audit
        return self._json(place)

    def predictions(self, split: str = "test", *, slices: bool = False, baselines: bool = False) -> pd.DataFrame:
        """The prediction rows of a split: one row per study (or slice), finding and what the model was shown; unknown
        labels are NaN. `baselines` are those of the models that ask for no deep learning."""
        kinds = (SLICES,) * slices + (BASELINES,) * baselines
        return read_predictions(self.layout.scores(split, *kinds))

    def frame(self) -> pd.DataFrame:
        """The estimates of the test split with their intervals, one row per arm, metric and finding."""
        return pd.DataFrame(self.metrics["estimates"])

    def to_json(self) -> dict[str, Any]:
        """The folder, and `metrics.json`."""
        return {"folder": str(self.folder), "metrics": self.metrics}

    def _json(self, path: Path) -> dict[str, Any]:
        try:
            return read_json(path)
        except FileNotFoundError:
            raise DataError(f"{path}: missing; the training has not come to its end (resume it)") from None

    def _repr_html_(self) -> str:
        """What a notebook shows: what the test split says, and the main tables."""
        return gather([self.folder])._repr_html_()
