"""Where runs and models keep their files, the columns of their tables, and how a file is written: whole or not."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

PREDICTION_COLUMNS = ("study_id", "patient_id", "shown", "finding", "label", "score")
"""One row per study (or slice), finding and what the model was shown; text, but for label and score."""
SLICE = "slice"
"""The column of slice predictions: the 0-based place of an image among all images of its study, in certified order."""
SPREAD = "spread"
"""The column of an ensemble's predictions: the sample standard deviation of its members' scores."""
FOLD = "fold"
"""The column of out-of-fold predictions: the fold of a row, whose model scored it and never saw its patient."""
SITE = "site"
"""The column of `folds.csv` that names the site which the fold of a study tests, where folds are of sites."""
ORDER_SOURCE = "order_source"
"""The column that says on what evidence the slices of each study stand in order, such as `image:position`."""
SIDES_MM = ("width_mm", "height_mm")
"""What the sides of a box are called in millimetres."""
CORNERS = ("x0", "y0", "x1", "y1")
"""The corners of a lesion box, in pixels of the stored images."""
EVALUATION = "evaluation.json"
"""How predictions that lie outside of their run were made; it lies beside them."""
PREDICTIONS = "predictions"
"""The folder of a run that holds files of predictions."""
INTERNAL = "internal.csv"
"""The test scores of a run beside those that its model was given on a second cohort."""
READINGS = "readings.csv"
"""What each of several readers said: `study_id, patient_id, reader, finding, label`."""
SLICES = "_slices"
BASELINES = "_baselines"
BOXES = "_boxes"
BOXES_TRUTH = "_boxes_truth"
BOXES_GRAD_CAM = "_boxes_grad_cam"
REPORTS = "_reports"
SWAPS = "_swaps"
"""What follows the split in the name of a file of predictions: `test_slices_baselines.csv` (`scores_name`)."""
REPEAT = "repeat-"
"""How the folder of a further deal of a cross-validation begins."""
PARTIAL = ".partial"
"""How a file ends that is not whole yet."""
ABANDONED = 60
"""Seconds that no writer of a shared file takes."""


def scores_name(split: str, *kinds: str) -> str:
    """The name of a file of predictions: `scores_name("test", SLICES)` is `test_slices.csv`."""
    return f"{split}{''.join(kinds)}.csv"


@dataclass(frozen=True)
class RunLayout:
    """The files of a run folder, as paths; nothing is read."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def splits(self) -> Path:
        return self.folder / "splits.csv"

    @property
    def folds(self) -> Path:
        """The folds of a cross-validation; a run of one split has no such file."""
        return self.folder / "folds.csv"

    @property
    def members(self) -> Path:
        """The runs that an ensemble is made of, and their stores; another run has no such file."""
        return self.folder / "members.json"

    @property
    def studies(self) -> Path:
        return self.folder / "studies.csv"

    @property
    def labels(self) -> Path:
        """The labels of every study, those that taught the model too: one column per finding."""
        return self.folder / "labels.csv"

    @property
    def audit(self) -> Path:
        return self.folder / "audit.json"

    @property
    def texts(self) -> Path:
        """How much of its texts a model reads, by split; a run without a text has no such file."""
        return self.folder / "texts.json"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def best(self) -> Path:
        """The folder of the model that stays (`train.final`)."""
        return self.folder / "checkpoints" / "best"

    @property
    def last(self) -> Path:
        """The training state to resume from."""
        return self.folder / "checkpoints" / "last.safetensors"

    @property
    def selections(self) -> Path:
        return self.folder / "checkpoints" / "selections.safetensors"

    @property
    def start(self) -> Path:
        """Weights of another model that a training begins from; one that begins by chance has no such file."""
        return self.folder / "checkpoints" / "start.safetensors"

    @property
    def predictions(self) -> Path:
        return self.folder / PREDICTIONS

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def final(self) -> Path:
        """How the model that stays was made, where it learned from validation studies too."""
        return self.folder / "final.json"

    @property
    def card(self) -> Path:
        """The model card, which is written last: with it the run is concluded."""
        return self.folder / "card.md"

    @property
    def recovery(self) -> Path:
        """The shares of the gap that guidance recovers, the last file of a run with guidance."""
        return self.folder / "recovery.json"

    @property
    def reporting(self) -> Path:
        return self.folder / "reporting.md"

    @property
    def external(self) -> Path:
        """The folder of evaluations on other cohorts, each called like the store."""
        return self.folder / "external"

    @property
    def first(self) -> Path:
        """The run folder of the first of two stages."""
        return self.folder / "first"

    @property
    def descriptors(self) -> Path:
        """The store that the first of two stages leaves."""
        return self.folder / "descriptors"

    def repeat(self, number: int) -> RunLayout:
        """A further deal of a cross-validation, from 1, itself a run folder with folds of its own."""
        return RunLayout(self.folder / f"{REPEAT}{number}")

    def repeats(self) -> list[RunLayout]:
        """The further deals that are there, in their order."""
        found = (path for path in self.folder.glob(f"{REPEAT}*") if path.name.removeprefix(REPEAT).isdecimal())
        return [RunLayout(path) for path in sorted(found, key=lambda path: int(path.name.removeprefix(REPEAT)))]

    def fold(self, number: int) -> RunLayout:
        """One fold of a cross-validation, itself a run folder."""
        return RunLayout(self.folder / f"fold-{number}")

    def scores(self, split: str, *kinds: str) -> Path:
        """A file of predictions: `scores("test", SLICES, BASELINES)` is `predictions/test_slices_baselines.csv`."""
        return self.predictions / scores_name(split, *kinds)


@dataclass(frozen=True)
class ModelLayout:
    """The files of a model folder, as paths; nothing is read."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def facts(self) -> Path:
        """Sizes and architectures."""
        return self.folder / "model.json"

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def calibration(self) -> Path:
        """The scale and the shift of the logits of each calibrated head; a model without any has no such file."""
        return self.folder / "calibration.json"

    @property
    def stack(self) -> Path:
        """How much each answer counts in the one to a study; a model that answers by its network alone has no such
        file."""
        return self.folder / "stack.json"

    @property
    def stack_tensors(self) -> Path:
        """The linear models beside the network."""
        return self.folder / "stack.safetensors"

    @property
    def domain(self) -> Path:
        """How far images may lie from those of training; a model of which nobody knows has no such file."""
        return self.folder / "domain.json"

    @property
    def domain_tensors(self) -> Path:
        """Where the training images lie."""
        return self.folder / "domain.safetensors"

    @property
    def first(self) -> Path:
        """The model folder of the first of two stages, which makes the descriptors that this model reads."""
        return self.folder / "first"

    @property
    def ensemble(self) -> Path:
        """Names the members of an ensemble, each a model folder inside; a model alone has no such file."""
        return self.folder / "ensemble.json"

    def member(self, number: int) -> ModelLayout:
        """One member of an ensemble, counted from 0."""
        return ModelLayout(self.folder / "members" / str(number))

    def tokenizer(self, name: str) -> Path:
        return self.folder / "tokenizers" / name


@contextmanager
def written(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """The place to write `path` to. The file appears under its name when the block has ended, and not at all where it
    failed; its folder is made. One process at a time may write a file, but for a `shared` one: there each writes to a
    place of its own, and the last to end wins; what a killed one left goes after `ABANDONED` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = f".{uuid.uuid4().hex}" if shared else ""
    partial = path.with_name(f"{path.name}{writer}{PARTIAL}")
    try:
        yield partial
        if shared:
            _drop_abandoned(path, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _drop_abandoned(path: Path, partial: Path) -> None:
    """Removes other writers' places for `path` that are much older than this one, by the clock of their disk."""
    others = [place for place in path.parent.glob(f"{escape(path.name)}.*{PARTIAL}") if place != partial]
    now = partial.stat().st_mtime
    for place in others:
        with suppress(FileNotFoundError):  # its writer has just ended
            if now - place.stat().st_mtime > ABANDONED:
                place.unlink()


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copies a file and its times, whole or not at all."""
    with written(Path(path)) as partial:
        shutil.copy2(source, partial)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any] | Sequence[Any], *, shared: bool = False) -> None:
    """Writes JSON with an indent of 2, whole or not at all; a `shared` file as `written` does. Raises `ValueError` for
    NaN, which JSON does not have."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with written(path, shared=shared) as partial:
        partial.write_text(text, encoding="utf-8")
