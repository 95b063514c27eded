"""The answer of a model for one study, as a value: what it says, what it was shown, and how this becomes files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mmdx.engine.inference.answers import Answers, Standing
from mmdx.errors import DataError, MmdxError
from mmdx.files import PREDICTION_COLUMNS, SLICE, SPREAD, write_json, written
from mmdx.strangers.cells import cells_of
from mmdx.templates import environment

TEMPLATES = "mmdx.engine.inference.templates"


@dataclass(frozen=True)
class Prediction:
    """One study under a model.

    `shown` names the inputs that the model saw, such as `image+report`; `missing` those that the study lacks. `images`
    counts the images that were read, by input, and `order_source` says on what evidence they stand in order.
    `problems` are sentences that a person should know; `reports_without` says what was withheld of every report.

    `findings` holds the score of each finding for the study, from 0 to 1; it is empty where the model answers for
    slices alone. `slices` holds the scores of each finding by slice, in certified order; `slice_numbers` is the 0-based
    place of each of these slices among all images. `boxes` is None without a head for boxes; else one entry per box
    (`finding`, `slice`, corners `x0 y0 x1 y1` in pixels of the source image, `width_mm` and `height_mm` where its file
    says how large a pixel is, `score`), and `lesions` are these boxes linked over slices. `description` is the text
    that the model wrote, None where it writes none, from the inputs `described_from`.

    `calibrated`, `thresholds`, `prevalence` and `apart` are what these scores are to be read against (`Standing`).

    `labels` are those that came with the study, by finding, the known ones alone; `slice_labels` by image of all of the
    study, NaN where unknown, where the model answers for slices alone.

    `sr` is the name of the DICOM SR of the study, where one was written (`docs/pacs.md`).

    `members` is how many models answered together. Of an ensemble `spread` and `slice_spread` hold, like `findings` and
    `slices`, the sample standard deviation of the scores that its members give; else they are empty.

    Raises `DataError` where an answer is not a number.
    """

    study_id: str
    patient_id: str
    shown: str
    missing: tuple[str, ...]
    images: Mapping[str, int]
    order_source: Mapping[str, str]
    problems: tuple[str, ...]
    reports_without: str
    findings: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    slice_numbers: tuple[int, ...] = ()
    boxes: tuple[Mapping[str, Any], ...] | None = None
    lesions: tuple[Mapping[str, Any], ...] = ()
    description: str | None = None
    described_from: tuple[str, ...] = ()
    calibrated: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    prevalence: Mapping[str, float] = field(default_factory=dict)
    apart: Mapping[str, float] = field(default_factory=dict)
    members: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)
    slice_spread: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    slice_labels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sr: str | None = None

    def __post_init__(self) -> None:
        scores = [*self.findings.values(), *(score for row in self.slices.values() for score in row)]
        scores += [value for box in self.boxes or () for value in box.values() if isinstance(value, float)]
        if not all(map(math.isfinite, scores)):
            raise DataError("the model's answer is not a number")

    @property
    def standing(self) -> Standing:
        """What its scores are to be read against."""
        rows = "studies" if self.findings else "slices"
        return Standing(rows, self.calibrated, self.thresholds, self.prevalence, self.apart)

    @property
    def scored(self) -> tuple[str, ...]:
        """The findings that have a score, for the study or by slice."""
        return tuple(self.findings or self.slices)

    @property
    def fallback(self) -> str:
        """From what it was answered alone, and without what; empty where nothing was missing."""
        return f"without {', '.join(self.missing)}: answered from {self.shown} alone" if self.missing else ""

    def reading(self, name: str) -> str:
        """How many images of an input were read, and on what evidence they stand in order."""
        return f"{name}: {self.images_read(name)}, order from {self.order_source[name]}"

    def images_read(self, name: str) -> str:
        """How many images of an input were read, in words."""
        return f"{self.images[name]} image{'' if self.images[name] == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        """The entry of the study in `predictions.json`; an answer that the model does not give has no key."""
        content: dict[str, Any] = {
            "study_id": self.study_id,
            "patient_id": self.patient_id,
            "shown": self.shown,
            "missing": list(self.missing),
            "images": dict(self.images),
            "order_source": dict(self.order_source),
            "problems": list(self.problems),
            "reports_without": self.reports_without,
        }
        if self.findings:
            content["findings"] = dict(self.findings)
        if self.slices:
            content["slices"] = {finding: list(scores) for finding, scores in self.slices.items()}
            content["slice_numbers"] = list(self.slice_numbers)
        if self.findings or self.slices:
            content |= self.standing.to_json()
        if self.labels:
            content["labels"] = dict(self.labels)
        if self.members > 1:
            content["members"] = self.members
        if self.spread:
            content["spread"] = dict(self.spread)
        if self.slice_spread:
            content["slice_spread"] = {finding: list(values) for finding, values in self.slice_spread.items()}
        if self.boxes is not None:
            content["boxes"] = [dict(box) for box in self.boxes]
            content["lesions"] = [dict(lesion) for lesion in self.lesions]
        if self.description is not None:
            content["description"] = self.description
            content["described_from"] = list(self.described_from)
        if self.sr is not None:
            content["sr"] = self.sr
        return content

    def frame(self) -> pd.DataFrame:
        """The rows of `predictions.csv`: one per finding, or one per finding and slice where the model answers for
        slices alone. A label that did not come with the study is unknown (NaN). Those of an ensemble have a column
        `spread`."""
        columns = [*PREDICTION_COLUMNS, *([] if self.findings else [SLICE]), *([SPREAD] if self.members > 1 else [])]
        return pd.DataFrame(self._rows(), columns=columns).astype({"label": float, "score": float})

    def _rows(self) -> Iterator[list[Any]]:
        study = [self.study_id, self.patient_id, self.shown]
        if self.findings:
            for finding, score in self.findings.items():
                spread = [self.spread[finding]] if self.spread else []
                yield [*study, finding, self.labels.get(finding, math.nan), score, *spread]
            return
        for finding, scores in self.slices.items():
            spreads = [[value] for value in self.slice_spread.get(finding, ())] or [[] for _ in scores]
            labels = self.slice_labels.get(finding, ())
            for number, score, spread in zip(self.slice_numbers, scores, spreads, strict=True):
                label = labels[number] if number < len(labels) else math.nan
                yield [*study, finding, label, score, number, *spread]

    def likeliest(self, finding: str) -> tuple[int, float]:
        """The number of the slice with the highest score of a finding, and this score."""
        scores = self.slices[finding]
        place = scores.index(max(scores))
        return self.slice_numbers[place], scores[place]

    def spread_of(self, finding: str) -> float | None:
        """How the members of an ensemble spread in the score of a finding: for the study, or for its likeliest
        slice where it answers for slices alone; None of a model alone."""
        if self.findings:
            return self.spread.get(finding)
        if not self.slice_spread:
            return None
        return self.slice_spread[finding][self.slices[finding].index(max(self.slices[finding]))]

    def save(self, folder: str | Path) -> None:
        """Writes `predictions.json` and `predictions.csv`. Raises `MmdxError` where they cannot be written."""
        save_predictions([self], Path(folder))

    def _repr_html_(self) -> str:
        """What a notebook shows: the score of each finding, and from what it was answered."""
        return environment(TEMPLATES).get_template("prediction.html.j2").render(prediction=self)


class Predictions(Answers[Prediction]):
    """The predictions for the studies of one source, a sequence of `Prediction`.

    `without_sr` has one line per study that is answered, and whose DICOM SR was asked for and could not be made.
    """

    def __init__(
        self, answers: Iterable[Prediction], refused: Iterable[str] = (), without_sr: Iterable[str] = ()
    ) -> None:
        super().__init__(answers, refused)
        self.without_sr = tuple(without_sr)

    def save(self, folder: str | Path) -> None:
        save_predictions(self, Path(folder))


def save_predictions(predictions: Iterable[Prediction], folder: Path) -> None:
    """Writes `predictions.json`, one entry per study, and `predictions.csv`, one row per study (or slice) and finding.

    Raises `MmdxError` where `folder` cannot be written to.
    """
    answers: Sequence[Prediction] = list(predictions)
    table = Predictions(answers).frame()
    try:
        write_json(folder / "predictions.json", [answer.to_json() for answer in answers])
        with written(folder / "predictions.csv") as partial:
            cells_of(table).to_csv(partial, index=False, float_format="%.7g", lineterminator="\n")
    except OSError as error:
        raise MmdxError(f"{folder}: cannot be written ({error.strerror})") from None
