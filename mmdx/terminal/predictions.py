"""Predictions in the terminal: a table per study, and from what it was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.errors import DataError
from mmdx.files import SIDES_MM

MOST_LESIONS = 5
"""Lesions of a study that are shown; all stand in `predictions.json`."""


def show_predictions(predictions: Predictions, console: Console) -> None:
    """Prints each prediction with its findings, lesions, description, what it lacks, and its problems.

    Raises `DataError` after them, with one line per refused study, and per study whose DICOM SR could not be made.
    """
    for prediction in predictions:
        _print(console, f"{prediction.study_id}  (shown: {prediction.shown})")
        console.print(_table(prediction))
        for line in _lines(prediction):
            _print(console, line)
    if lines := [*predictions.refused, *predictions.without_sr]:
        raise DataError(lines)


def _lines(prediction: Prediction) -> list[str]:
    lines = [] if not (prediction.findings or prediction.slices) else list(prediction.standing.meaning)
    lines += [
        f"{lesion['finding']}: slices {lesion['first']}-{lesion['last']}, score {lesion['score']:.3f}{_sides(lesion)}"
        for lesion in prediction.lesions[:MOST_LESIONS]
    ]
    if prediction.description is not None:
        writer = f" of the first of {prediction.members} models" if prediction.members > 1 else ""
        source = "+".join(prediction.described_from)
        lines.append(f"description{writer}, from {source}: {prediction.description}")
    lines += [prediction.fallback] if prediction.missing else []
    lines += [prediction.reading(name) for name in prediction.order_source]
    if prediction.reports_without:
        lines.append(f"reports are read without {prediction.reports_without}")
    lines += [f"DICOM SR: {prediction.sr}"] if prediction.sr is not None else []
    return lines + [f"problem: {problem}" for problem in prediction.problems]


def _sides(lesion: Mapping[str, Any]) -> str:
    """How large a lesion is at its widest, where this is known."""
    known = all(side in lesion for side in SIDES_MM)
    return f", {' x '.join(f'{lesion[side]:.3g}' for side in SIDES_MM)} mm at its widest" if known else ""


def _table(prediction: Prediction) -> Table:
    """The score of each finding, or of its likeliest slice where the model answers for slices alone, and beside it what
    it is to be read against."""
    beside = prediction.standing.beside
    spread = [f"spread of {prediction.members}"] if prediction.members > 1 else []
    where = [] if prediction.findings else ["likeliest slice"]
    table = Table("finding", *where, prediction.standing.called, *beside, *spread)
    for finding in prediction.findings or prediction.slices:
        number, score = (None, prediction.findings[finding]) if prediction.findings else prediction.likeliest(finding)
        values = [score, *(known.get(finding) for known in beside.values())]
        values += [prediction.spread_of(finding)] if spread else []
        cells = ["–" if value is None else f"{value:.3f}" for value in values]
        table.add_row(Text(finding), *([] if number is None else [str(number)]), *cells)
    return table


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False)
