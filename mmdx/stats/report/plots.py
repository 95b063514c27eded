"""How plots look: colours that readers without colour vision can tell apart, too, and one figure in every format."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary
from xml.etree import ElementTree

from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import ColorType

from mmdx.stats.report.section import Plot

TEXT, QUIET, LINE, BACK = "#1c2024", "#5d666f", "#d5dade", "#ffffff"
SERIES = (
    *("#0b62a4", "#c2570c", "#2f7d32", "#8e3a9d", "#a3152e"),
    *("#6b6200", "#00727d", "#c4317f", "#7a4526", "#46536b"),
)
"""By the number of an arm, and again from the first, then with the next of `MARKS` and `DASHES`."""
DARK_TEXT, DARK_QUIET, DARK_LINE = "#e4e7ea", "#a3adb6", "#3a4249"
DARK_SERIES = (
    *("#6cb6f5", "#f2a15f", "#7fce83", "#d79be4", "#f2889a"),
    *("#d6ca54", "#5fd3d9", "#ff9fd0", "#d3a686", "#b3bfd3"),
)
"""The same on a dark ground, as `page.css` has them, too."""
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
LONGEST_NAME = 32
"""Letters of a name in a picture; the tables hold it in full."""
ALONE = (7.2, 4.2)
"""Inches of one plot with names beside it."""
COLUMNS = 3
"""Small plots per line."""
PIXELS_AN_INCH = 133
"""How wide a plot may grow on the page: one of 7.2 inches then fills the column of text."""
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "png": {"dpi": 300, "metadata": {"Software": None}},
    "pdf": {"metadata": {"Creator": None, "Producer": None, "CreationDate": None}},
    "svg": {"metadata": {"Date": None, "Creator": None, "Format": None, "Type": None}},
}
"""How a figure is saved, by the end of its file: journals ask for 300 dots an inch, or for lines and letters. No
metadata: a picture says nothing of when and by what it was made."""
_VARIABLES = {TEXT: "text", QUIET: "quiet", LINE: "line", BACK: "back"} | {c: f"s{i}" for i, c in enumerate(SERIES)}
LOOK: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    # Names of runs and findings may hold a dollar sign.
    "text.parse_math": False,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
"""Letters and lines, on any ground."""


def inks(text: str, quiet: str, line: str) -> dict[Any, Any]:
    """The colours of letters, axes and grids as settings of matplotlib."""
    named = {"text.color": text, "axes.labelcolor": text, "axes.titlecolor": text, "axes.edgecolor": quiet}
    return named | {"xtick.color": quiet, "ytick.color": quiet, "grid.color": line}


STYLE: dict[Any, Any] = {
    **LOOK,
    **inks(TEXT, QUIET, LINE),
    "axes.facecolor": BACK,
    "figure.facecolor": BACK,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # letters stay letters
}


def own_axes(size: tuple[float, float]) -> Axes:
    """Axes alone on a new figure of pyplot of this size in inches: on the ground that the user's style has, in the
    colours of the page for a bright ground or a dark one."""
    from matplotlib import pyplot  # imported here: figures of a page need no window

    dark = is_bright(rcParams["text.color"])
    colours = (DARK_TEXT, DARK_QUIET, DARK_LINE) if dark else (TEXT, QUIET, LINE)
    # The first figure loads the backend, which in a notebook turns drawing on: within the context it would end with it.
    figure = pyplot.figure(figsize=size, layout="constrained")
    with rc_context({**LOOK, **inks(*colours)}):
        return figure.subplots()


def is_bright(shade: ColorType) -> bool:
    """Whether a colour is nearer to white than to black, as the eye has it."""
    red, green, blue = to_rgb(shade)
    return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5


def ink(axes: Axes) -> ColorType:
    """The colour of letters on some axes."""
    return axes.title.get_color()


def quiet(axes: Axes) -> ColorType:
    """The colour of the frame of some axes, for lines that are no data."""
    return to_hex(axes.spines["left"].get_edgecolor())


def colour(series: int, on: Axes | None = None) -> str:
    """The colour of the arm of this number: on white, or on the ground of some axes, which is dark where their letters
    are bright."""
    shades = DARK_SERIES if on is not None and is_bright(ink(on)) else SERIES
    return shades[series % len(shades)]


def mark(series: int) -> str:
    """The mark of the arm of this number."""
    return MARKS[(series + series // len(SERIES)) % len(MARKS)]


def dash(series: int) -> Any:
    """The dash of the arm of this number."""
    return DASHES[(series + series // len(SERIES)) % len(DASHES)]


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that has its place in a picture: its middle left out where it is longer."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"


def names_above(
    figure: Figure, names: Sequence[str], series: Sequence[int], *, marks: bool = True, lines: bool = True
) -> None:
    """The names of some arms above all axes of a figure, each with the mark and the dash that it has there."""
    labels = [short(name) for name in names]
    handles = [handle(number, marks=marks, lines=lines) for number in series]
    # A letter of 9 points is about 0.08 inches wide, and a mark takes half an inch.
    columns = int(figure.get_size_inches()[0] / (0.55 + 0.08 * max(map(len, labels))))
    figure.legend(handles, labels, loc="outside upper left", ncols=max(1, min(columns, len(labels))), handlelength=2.6)


def names_beside(
    figure: Figure, names: Sequence[str], series: Sequence[int], *, marks: bool = True, title: str = ""
) -> None:
    """The names of some arms at the right of a figure of size `ALONE`, one below the other."""
    handles = [handle(number, marks=marks) for number in series]
    figure.legend(handles, names, loc="outside right upper", title=title or None, alignment="left", handlelength=2.6)


def handle(series: int, on: Axes | None = None, *, marks: bool = True, lines: bool = True) -> Line2D:
    """How the arm of this number stands in a legend, of some axes where they are named."""
    look = {"marker": mark(series) if marks else "", "linestyle": dash(series) if lines else ""}
    return Line2D([], [], color=colour(series, on), **look)


def multiples_size(count: int, height: float = 2.5) -> tuple[float, float]:
    """The size in inches of a figure of small plots, three per line, of which each is `height` high."""
    columns = min(count, COLUMNS)
    return ((4.6, 5.6, 7.2)[columns - 1], 0.5 + (4.0, height + 0.4, height)[columns - 1] * -(-count // COLUMNS))


def multiples(figure: Figure, titles: Sequence[str]) -> list[Axes]:
    """Small plots, three per line, with both axes from 0 to 1, each under its title."""
    columns = min(len(titles), COLUMNS)
    grid = figure.subplots(-(-len(titles) // columns), columns, squeeze=False).ravel()
    for spare in grid[len(titles) :]:
        spare.set_axis_off()
    for axes, title in zip(grid, titles, strict=False):
        unit_square(axes)
        name_axes(axes, title, 24 if columns > 1 else 40)
    return list(grid[: len(titles)])


def name_axes(axes: Axes, title: str, longest: int = 40) -> None:
    """What one of several plots is of, above it."""
    axes.set_title(short(title, longest), loc="left", fontsize=9, fontweight="bold")


def unit_square(axes: Axes) -> None:
    """Shares on both axes."""
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.set_yticks((0, 0.5, 1), ("0", "0.5", "1"))


def write_figures(plot: Plot, folder: Path, endings: Collection[str] = tuple(FORMATS)) -> None:
    """The plot on white, as `<name>.png`, `.pdf` and `.svg` in a folder, or as some of them."""
    drawn = _drawn(plot)
    with _style(plot):
        for ending, options in ((ending, options) for ending, options in FORMATS.items() if ending in endings):
            path = folder / f"{plot.name}.{ending}"
            if ending == "svg":
                path.write_bytes(drawn.svg)
            else:
                drawn.figure.savefig(path, format=ending, **options)


def picture(plot: Plot) -> Figure:
    """The plot on white, drawn: a figure that pyplot does not know of."""
    return _drawn(plot).figure


def svg(plot: Plot) -> str:
    """The plot as an `<svg>` element for a page of HTML, as wide as there is room.

    Its colours are the variables `--text`, `--quiet`, `--line`, `--back` and `--s0` to `--s9` of the page, its letters
    the page's. Ids begin with the name of the plot, so that plots on one page do not meet.
    """
    root = _plain(ElementTree.fromstring(_drawn(plot).svg), f"{plot.name}-")
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "style": f"max-width: {plot.size[0] * PIXELS_AN_INCH:.0f}px"})
    title = ElementTree.Element("title")
    title.text = plot.title
    root.insert(0, title)
    pattern = "|".join(map(re.escape, _VARIABLES))
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(pattern, lambda match: f"var(--{_VARIABLES[match.group()]})", text)


@dataclass(frozen=True)
class _Drawn:
    """A plot as it was drawn, once, and its SVG, which the page and the file share."""

    figure: Figure
    svg: bytes


_DRAWN: WeakKeyDictionary[Plot, _Drawn] = WeakKeyDictionary()


def _drawn(plot: Plot) -> _Drawn:
    if plot not in _DRAWN:
        figure, out = Figure(figsize=plot.size, layout="constrained"), io.BytesIO()
        FigureCanvasAgg(figure)
        with _style(plot):
            plot.draw(figure)
            figure.savefig(out, format="svg", **FORMATS["svg"])
        figure.set_layout_engine("none")  # where all lies is settled: working it out again takes as long as drawing
        _DRAWN[plot] = _Drawn(figure, out.getvalue())
    return _DRAWN[plot]


def _style(plot: Plot) -> AbstractContextManager[None]:
    return rc_context({**STYLE, "svg.hashsalt": plot.name})


def _plain(element: ElementTree.Element, prefix: str) -> ElementTree.Element:
    """An element as HTML takes it, without what a page does not need: namespaces, names of parts, fonts, digits."""
    html = ElementTree.Element(element.tag.rpartition("}")[2])
    for key, value in element.attrib.items():
        name = key.rpartition("}")[2]
        # Only what `use` and `clip-path` point at keeps an id.
        if name == "id" and html.tag in ("path", "clipPath"):
            html.set(name, prefix + value)
        elif name == "href":
            html.set(name, f"#{prefix}{value[1:]}")
        elif name == "clip-path":
            html.set(name, value.replace("#", f"#{prefix}"))
        elif name == "style":
            html.set(name, re.sub(r"font-family:[^;]*;? ?|stroke-dashoffset: 0; ?|: ", _shorter, value).strip("; "))
        elif name in ("d", "x", "y", "width", "height", "transform", "viewBox") and "rotate(-0 " not in value:
            plain = " ".join(re.sub(r"-?\d+\.\d+", _rounded, value).split())
            # After `M x y`, SVG takes further pairs for lines: their letters may go.
            html.set(name, plain if name != "d" or re.search("[CQ]", plain) else plain.replace("L ", ""))
    html.text = element.text if html.tag == "text" else None
    for child in element:
        part = _plain(child, prefix)
        if part.tag in ("metadata", "style") or (part.tag == "defs" and not len(part)):
            continue
        html.extend(list(part) if part.tag == "g" and not part.attrib else [part])
    return html


def _shorter(match: re.Match[str]) -> str:
    return ":" if match.group() == ": " else ""


def _rounded(match: re.Match[str]) -> str:
    value = float(match.group())
    return f"{round(value, 1 if abs(value) >= 10 else 2):g}"
