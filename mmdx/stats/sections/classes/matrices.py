"""Confusion matrices of a group of classes: which class is taken for which."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.report.plots import SERIES, TEXT
from mmdx.stats.report.section import Plot
from mmdx.stats.sections.classes.measures import confusion, true_class
from mmdx.stats.sections.classes.parts import columns_of, known_rows

ACROSS = 3
"""Confusion matrices beside each other."""


def matrices_plot(cohort: Cohort, number: int, name: str, members: Sequence[str]) -> Plot:
    """The confusion matrix of each model that is no baseline; `number` tells groups of like names apart in a file."""
    rows, columns = known_rows(cohort, members), columns_of(cohort, members)
    true = true_class(cohort.labels[rows][:, columns])
    classes = [member.partition("/")[2] for member in members]
    once = np.ones((1, len(rows)), dtype=np.int64)
    tables = {}
    for arm in cohort.models:
        chosen = cohort.scores[arm][rows][:, columns].argmax(axis=1)
        tables[cohort.arms[arm].name] = confusion(true, chosen, once, len(classes))[0].astype(int)
    cells = [
        {"model": model, "true class": classes[i], "given class": classes[j], "rows": int(table[i, j])}
        for model, table in tables.items()
        for i in range(len(classes))
        for j in range(len(classes))
    ]
    down = math.ceil(len(tables) / ACROSS)
    side = max(2.4, 0.5 * len(classes) + 1)
    return Plot(
        name=f"confusion_{number}_{re.sub(r'[^A-Za-z0-9]+', '_', name)}",
        title=f"{name}: which class is taken for which",
        caption="Rows by their true class and by the class that the model scores highest; shades are shares of a true "
        "class.",
        numbers=pd.DataFrame(cells),
        draw=lambda figure: _draw(figure, tables, classes, down),
        size=(max(7.2, min(len(tables), ACROSS) * side), down * (side + 0.4)),
    )


def _draw(figure: Figure, tables: Mapping[str, Int[np.ndarray, "k k"]], classes: Sequence[str], down: int) -> None:
    grid = figure.subplots(down, min(len(tables), ACROSS), squeeze=False).ravel()
    for spare in grid[len(tables) :]:
        spare.set_axis_off()
    for axes, (model, table) in zip(grid, tables.items(), strict=False):
        _draw_matrix(axes, table, classes, model)


def _draw_matrix(axes: Axes, table: Int[np.ndarray, "k k"], classes: Sequence[str], model: str) -> None:
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    for i, j in np.ndindex(table.shape):
        # Rectangles of one colour: a colour map has colours that the page could not exchange in the dark.
        axes.bar(j, 1, 1, i - 0.5, color=SERIES[0], alpha=0.65 * float(shares[i, j]), linewidth=0)
        axes.text(j, i, str(table[i, j]), ha="center", va="center", color=TEXT)
    axes.set(
        xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), xlabel=f"given by {model}", ylabel="true"
    )
    axes.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 4 else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_aspect("equal")
    axes.grid(False)
