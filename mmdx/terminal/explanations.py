"""Explanations in the terminal: the likeliest slices of each finding, and the words that counted most."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.explanation import Explanation
from mmdx.errors import DataError

MOST_WORDS = 5
"""Words of a text that are shown; all stand in `explain.json`."""


def show_explanations(answers: Iterable[Explanation | Refused], folder: Path, console: Console) -> None:
    """Prints each explanation as it comes, and where all are saved. Raises `DataError` with one line per refused study
    after them."""
    refused = []
    for answer in answers:
        if isinstance(answer, Refused):
            refused.append(str(answer))
        else:
            show_explanation(answer, console)
    console.print(f"explained:  {folder / 'explain.json'}", markup=False, highlight=False, soft_wrap=True)
    if refused:
        raise DataError(refused)


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Prints the likeliest slices of each finding, and the words that counted most."""
    console.print(f"{explanation.study_id}  ({explanation.folder})", markup=False, highlight=False)
    table = Table("finding", "likeliest slices (probability)")
    for finding, slices in explanation.findings.items():
        table.add_row(Text(finding), ", ".join(f"{one.number} ({one.probability:.2f})" for one in slices))
    console.print(table)
    for name, weights in explanation.word_weights.items():
        words = sorted(weights, key=lambda pair: -pair[1])[:MOST_WORDS]
        line = ", ".join(f"{word} {weight:.2f}" for word, weight in words)
        console.print(f"{name}: {line}", markup=False, highlight=False)
