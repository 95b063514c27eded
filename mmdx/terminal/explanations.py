"""Explanations in the terminal: the likeliest slices of each finding and where they are found, and the words that
counted most."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.explanation import Explanation
from mmdx.errors import DataError, one_line
from mmdx.terminal.following import Following

MOST_WORDS = 5
"""Words of a text that are shown; all stand in `explain.json`."""


def show_explanations(
    answers: Iterable[Explanation | Refused], folder: Path, console: Console, following: Following
) -> None:
    """Prints each explanation as it comes, and where all are saved, if there is one. Raises `DataError` with one line
    per refused study, and per study whose slices could not leave as DICOM, after them."""
    refused, explained = [], 0
    try:
        for answer in answers:
            following.pause()
            if isinstance(answer, Refused):
                refused.append(str(answer))
            else:
                show_explanation(answer, console)
                refused += [answer.no_captures] if answer.no_captures else []
                explained += 1
    finally:
        following.pause()
    for name in ("explain.html", "explain.json") if explained else ():
        console.print(f"explained:  {folder / name}", markup=False, highlight=False, soft_wrap=True)
    if refused:
        raise DataError(refused)


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Prints the likeliest slices of each finding, where each of these slices is found, and the words that counted."""
    console.print(f"{one_line(explanation.study_id)}  ({explanation.folder})", markup=False, highlight=False)
    standing = explanation.standing
    table = Table("finding", f"likeliest slices ({standing.called})", *standing.beside)
    for finding, slices in explanation.findings.items():
        likeliest = ", ".join(f"{one.place.number} ({one.score:.2f})" for one in slices)
        beside = [f"{known[finding]:.2f}" if finding in known else "–" for known in standing.beside.values()]
        table.add_row(Text(finding), likeliest, *beside)
    console.print(table)
    for line in standing.meaning:
        console.print(line, markup=False, highlight=False)
    places = _places(explanation)
    if places.row_count:
        console.print(places)
    if explanation.captures:
        line = f"DICOM: {len(explanation.captures)} slices under their heat, {explanation.captures[0]} …"
        console.print(line, markup=False, highlight=False)
    for name, weights in explanation.word_weights.items():
        words = sorted(weights, key=lambda pair: -pair[1])[:MOST_WORDS]
        line = ", ".join(f"{word} {weight:.2f}" for word, weight in words)
        console.print(f"{name}: {line}", markup=False, highlight=False)


def _places(explanation: Explanation) -> Table:
    """One row per slice; columns that nothing is known for are left out, and no row is left where all are."""
    known = {
        "frame": lambda place: place.frame,
        "instance": lambda place: place.instance_number,
        "mm": lambda place: None if place.position_mm is None else f"{place.position_mm:.1f}",
        "file": lambda place: place.file,
        "SOPInstanceUID": lambda place: place.sop_instance_uid,
    }
    found = {image.place.index: image.place for slices in explanation.findings.values() for image in slices}
    shown = {name: value for name, value in known.items() if any(value(place) is not None for place in found.values())}
    table = Table("slice")
    for name in shown:
        table.add_column(name, overflow="fold")
    for _, place in sorted(found.items()) if shown else ():
        table.add_row(*map(Text, [str(place.number), *(_cell(value(place)) for value in shown.values())]))
    return table


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value))
