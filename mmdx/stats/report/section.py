"""A part of a written comparison: sentences, tables, plots and the numbers behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.report.tables import Sheet


@dataclass(frozen=True, eq=False)
class Plot:
    """A picture and the numbers in it, which are `<name>.png`, `.pdf`, `.svg` and `<name>.csv`.

    `draw` draws on an empty figure of `size` (inches), in the colours of `plots.py` alone, which the page exchanges in
    the dark. It sets no title: `title` stands above the figure and `caption` below. `alone` draws what the plot shows
    of one finding, its key, on axes that somebody else made; with names, since no other plot stands beside it.
    """

    name: str
    title: str
    caption: str
    numbers: pd.DataFrame
    draw: Callable[[Figure], None]
    size: tuple[float, float] = (7.2, 4.2)
    alone: Mapping[str, Callable[[Axes], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A small picture of a study, `png`, which becomes `<name>.png` beside the plots, and in words what it shows: the
    `study` for one `finding`."""

    name: str
    caption: str
    png: bytes
    study: str = ""
    finding: str = ""


@dataclass(frozen=True)
class Section:
    """One part. `key` is its name in `compare.json`, where `record` (plain values, NaN as None) stands.

    `sentences` say what was found, `notes` how it was computed and what it rests on. `pictures` are of studies, and
    `pictured` says by which rule these were chosen.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    record: Any = None
    pictures: tuple[Picture, ...] = ()
    pictured: str = ""
