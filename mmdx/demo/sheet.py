"""The answer as a PDF, one page for each study: findings with the report and without, the likeliest slices under heat,
and what the scores mean. It names studies by their place alone: it is shown to others."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from mmdx import __version__
from mmdx.demo.answer import Answer, StudyAnswer
from mmdx.demo.findings import Row, Scored, changes, rows_of
from mmdx.engine.inference.source import folder_of
from mmdx.stats.report.plots import BACK, FORMATS, LINE, QUIET, SERIES, STYLE, short

A4 = (8.27, 11.69)
"""Inches."""
MOST_PICTURES = 4
MOST_ROWS, MOST_LINES = 16, 16
"""Findings and lines of text that one page has room for; the JSON has all."""
LETTERS = 118
"""Letters of a line of text."""
USE = "Answer of a research model, not read by a person; not a medical device."


def sheet_of(answer: Answer) -> bytes:
    """The PDF."""
    out = io.BytesIO()
    with rc_context(STYLE), PdfPages(out, **FORMATS["pdf"]) as pages:
        for study in answer.studies:
            pages.savefig(_page(answer, study))
    return out.getvalue()


def _page(answer: Answer, study: StudyAnswer) -> Figure:
    rows = rows_of(study.with_text, study.without_text)
    shown = sorted(rows, key=_score, reverse=True)[:MOST_ROWS] if len(rows) > MOST_ROWS else rows
    figure = Figure(figsize=A4)
    name = f", {folder_of(study.number)}" if len(answer.studies) > 1 else ""
    figure.text(0.07, 0.955, f"What {short(answer.model)} says{name}", fontsize=15, fontweight="bold")
    figure.text(0.07, 0.937, f"mmdx {__version__}. {USE}", fontsize=8, color=QUIET)
    height = 0.022 * (len(shown) + 1)
    _table(figure.add_axes((0.07, 0.915 - height, 0.86, height)), study, shown)
    top = 0.895 - height
    lines = _lines(study, rows, left_out=len(rows) - len(shown))
    for line in lines:
        figure.text(0.07, top, line, fontsize=7.5, va="top")
        top -= 0.0125
    _pictures(figure, study, rows, top - 0.01)
    return figure


def _score(row: Row) -> float:
    one = row.with_text or row.without_text
    return one.score if one is not None else 0.0


def _table(axes: Axes, study: StudyAnswer, rows: Sequence[Row]) -> None:
    """Names on the left, dots in the middle, numbers on the right; heights are rows from the top, the head is row 0."""
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(rows) + 0.5, -0.5))
    both = study.with_text is not None and study.without_text is not None
    heads = [(study.with_text, "with report", 0.78), (study.without_text, "without", 0.93)]
    answers = [(one, words, place) for one, words, place in heads if one is not None]
    left, width = 0.27, 0.3
    for share in (0, 0.5, 1):
        axes.text(left + width * share, 0, f"{share:g}", fontsize=7, ha="center", va="center", color=QUIET)
    for one, words, place in answers:
        title = f"{words} ({one.standing.called})" if both else one.standing.called
        axes.text(place, 0, title, fontsize=7.5, ha="right", va="center", color=QUIET)
    for height, row in enumerate(rows, start=1):
        axes.text(0, height, short(row.finding), fontsize=8.5, va="center")
        axes.plot([left, left + width], [height, height], color=LINE, linewidth=3, solid_capstyle="round")
        for one, series, place in ((row.without_text, 1, 0.93), (row.with_text, 0, 0.78)):
            if one is not None:
                axes.text(place, height, _in_words(one), fontsize=8, ha="right", va="center")
                _dot(axes, one, height, (left, width), series if both else 0)


def _dot(axes: Axes, one: Scored, height: int, place: tuple[float, float], series: int) -> None:
    left, width = place
    colour = SERIES[series]
    if one.spread is not None:
        low, high = max(0.0, one.score - one.spread), min(1.0, one.score + one.spread)
        axes.plot([left + width * low, left + width * high], [height, height], color=colour, linewidth=1.5)
    if one.threshold is not None:
        x = left + width * one.threshold
        axes.plot([x, x], [height - 0.3, height + 0.3], color=colour, linewidth=1)
    face = colour if series == 0 else BACK
    axes.plot([left + width * one.score], [height], "o", markersize=5, color=colour, markerfacecolor=face)


def _in_words(one: Scored) -> str:
    spread = f" ± {one.spread:.2f}" if one.spread is not None else ""
    reached = "" if one.reached is None else (" yes" if one.reached else " no")
    return f"{one.score:.2f}{spread}{reached}"


def _lines(study: StudyAnswer, rows: Sequence[Row], *, left_out: int) -> list[str]:
    text = "report" if study.with_text is not None and study.without_text is not None else ""
    sentences = [f"{left_out} further findings, of lower scores, stand in the JSON."] if left_out else []
    sentences += changes(rows, text) if text else []
    sentences += study.main.standing.meaning
    sentences += [study.main.fallback] if study.main.missing else []
    sentences += [f"{name}: {' '.join(order)}" for name, order in study.orders.items()]
    sentences += [f"problem: {problem}" for problem in study.main.problems]
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, LETTERS) or [""]]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "… (the JSON has all)"]


def _pictures(figure: Figure, study: StudyAnswer, rows: Sequence[Row], top: float) -> None:
    """The likeliest slices of the findings with the highest scores, two in a row."""
    ranked = [row.finding for row in sorted(rows, key=_score, reverse=True) if row.finding in study.pictures]
    drawn = [np.asarray(Image.open(io.BytesIO(study.pictures[finding]))) for finding in ranked[:MOST_PICTURES]]
    bottom, across = 0.03, 2 if len(drawn) > 1 else 1
    down = -(-len(drawn) // across)
    height = min((top - bottom) / max(down, 1), 0.3)
    for place, picture in enumerate(drawn):
        row, column = divmod(place, across)
        box = (0.06 + 0.445 * column, top - height * (row + 1), 0.435 if across > 1 else 0.88, height - 0.01)
        axes = figure.add_axes(box)
        axes.imshow(picture, interpolation="antialiased")
        axes.set_axis_off()
        axes.set_anchor("N")
