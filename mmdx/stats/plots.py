"""How plots look: colours that tell models apart also without colour vision, and the same figure as SVG and PNG."""

from __future__ import annotations

import io
import re
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmdx.stats.section import Plot

TEXT, QUIET, LINE, BACK = "#1c2024", "#5d666f", "#d5dade", "#ffffff"
SERIES = ("#0b62a4", "#c2570c", "#2f7d32", "#8e3a9d", "#a3152e", "#6b6200")
"""By the number of an arm, and again from the first; `MARKS` and `DASHES` go with them."""
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
_VARIABLES = {TEXT: "text", QUIET: "quiet", LINE: "line", BACK: "back"} | {c: f"s{i}" for i, c in enumerate(SERIES)}
STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": QUIET,
    "axes.facecolor": BACK,
    "figure.facecolor": BACK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "svg.fonttype": "none",
}


def colour(series: int) -> str:
    """The colour of the arm of this number."""
    return SERIES[series % len(SERIES)]


def write_png(plot: Plot, path: Path) -> None:
    """The plot as a picture on white."""
    with rc_context(STYLE):
        # No metadata: a picture says nothing of when and by what it was made.
        _drawn(plot).savefig(path, format="png", dpi=160, metadata={"Software": None})


def svg(plot: Plot) -> str:
    """The plot as an `<svg>` element whose colours are the variables `--text`, `--quiet`, `--line`, `--back` and `--s0`
    to `--s5` of the page that holds it. Text stays text."""
    with rc_context({**STYLE, "svg.hashsalt": plot.name}):
        out = io.StringIO()
        _drawn(plot).savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    pattern = "|".join(map(re.escape, _VARIABLES))
    return re.sub(pattern, lambda found: f"var(--{_VARIABLES[found.group()]})", text)


def _drawn(plot: Plot) -> Figure:
    figure = Figure(figsize=plot.size, layout="constrained")
    FigureCanvasAgg(figure)
    plot.draw(figure)
    return figure
