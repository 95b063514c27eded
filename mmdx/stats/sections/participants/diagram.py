"""The flow of studies as a figure: boxes from the source down to the scores, what was lost beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmdx.stats.report.plots import BACK, QUIET, TEXT
from mmdx.stats.report.section import Plot
from mmdx.stats.report.words import counted
from mmdx.stats.sections.participants.counts import Flow, Part

WIDTH, GAP, MIDDLE, BESIDE = 7.2, 0.16, 3.4, 3.75
"""Inches: the figure, between two boxes side by side, the boxes in the middle, where those beside them begin."""
LINE, EDGE, STEP = 0.165, 0.09, 0.3
"""Inches: a line of text, the margin of a box, from one box down to the next."""
LETTERS_AN_INCH = 15.5
MOST_REASONS = 4
MOST_BESIDE = 5
"""Parts that stand side by side; more folds are one box."""
TITLES = {"train": "Training", "val": "Validation", "test": "Test", "unused": "Left unused"}


@dataclass(frozen=True)
class _Box:
    """A box: a title, and lines that are broken at its width."""

    title: str
    lines: tuple[str, ...]
    left: float
    width: float

    @property
    def text(self) -> list[str]:
        letters = int((self.width - 2 * EDGE) * LETTERS_AN_INCH)
        return [part for line in self.lines for part in textwrap.wrap(line, letters, subsequent_indent="  ")]

    @property
    def height(self) -> float:
        return LINE * (len(self.text) + 1) + 2 * EDGE

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def flow_plot(flow: Flow) -> Plot:
    """The figure, and its counts as `flow.csv`."""
    spine, split, last = _spine(flow), _split(flow), _last(flow)
    heights = [max(box.height for box in row) for row in (*spine, split, (last,))]
    size = (WIDTH, sum(heights) + STEP * (len(heights) - 1) + 0.1)
    caption = (
        "From the studies found in the source to those that were scored; every count is read from a file of the run."
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_xlim(0, size[0])
        axes.set_ylim(0, size[1])
        top = size[1] - 0.05
        for row, height in zip(spine, heights, strict=False):
            for box in row:
                _draw_box(axes, box, top, box.height)
            for box in row[1:]:  # what was lost hangs on the line between the boxes of the middle
                _line(axes, [(row[0].left + row[0].width, top - 0.25), (box.left, top - 0.25)], arrow=True)
            _fork(axes, row[0].middle, top - row[0].height, top - height - STEP, row is spine[-1], split)
            top -= height + STEP
        for box in split:
            _draw_box(axes, box, top, heights[-2])
        _join(
            axes,
            [box for box, part in zip(split, _shown(flow), strict=True) if part in _scored_parts(flow)],
            last,
            top - heights[-2],
        )
        _draw_box(axes, last, top - heights[-2] - STEP, last.height)

    return Plot("flow", "Flow of studies", caption, pd.DataFrame(list(_numbers(flow))), draw, size)


def _spine(flow: Flow) -> list[tuple[_Box, ...]]:
    """The boxes above the splits, each with what was lost there beside it."""
    rows: list[tuple[_Box, ...]] = []
    left = 0.05
    if flow.found is not None and flow.quarantined is not None:
        found = _Box("Found in the source", (counted(flow.found, "study"),), left, MIDDLE)
        reasons = list(flow.reasons.items())
        lines = [f"{count}: {reason}" for reason, count in reasons[:MOST_REASONS]]
        rest = sum(count for _, count in reasons[MOST_REASONS:])
        lines += [f"{rest}: {counted(len(reasons) - MOST_REASONS, 'other reason')}"] if rest else []
        title = f"Could not be stored: {flow.quarantined}"
        lost = _Box(title, tuple(lines), BESIDE, WIDTH - BESIDE - 0.05)
        rows.append((found, lost))
    if flow.stored is not None:
        patients = f" of {counted(flow.stored_patients, 'patient')}" if flow.stored_patients is not None else ""
        stored = _Box("Stored", (f"{counted(flow.stored, 'study')}{patients}",), left, MIDDLE)
        lines = [f"{count}: {reason}" for reason, count in flow.left_out.items()]
        unsaid = max(flow.mismatch, 0)
        lines += [f"{unsaid}: no file of the run says why"] if unsaid else []
        lost = sum(flow.left_out.values()) + unsaid
        beside = (_Box(f"Not taken: {lost}", tuple(lines), BESIDE, WIDTH - BESIDE - 0.05),) if lines else ()
        rows.append((stored, *beside))
    return rows


def _shown(flow: Flow) -> tuple[Part, ...]:
    """The parts that have a box: of many folds all together."""
    if len(flow.parts) <= MOST_BESIDE:
        return flow.parts
    smallest, *_, largest = sorted(part.studies for part in flow.parts)
    name = f"{len(flow.parts)} folds of {smallest} to {largest} studies"
    return (Part(name, flow.dealt, sum(part.patients for part in flow.parts)),)


def _scored_parts(flow: Flow) -> tuple[Part, ...]:
    """Those parts whose studies were to be scored."""
    return tuple(part for part in _shown(flow) if flow.folds or part.name == flow.of)


def _split(flow: Flow) -> tuple[_Box, ...]:
    """One box per split or fold, side by side."""
    shown = _shown(flow)
    width = min((WIDTH - 0.1 - GAP * (len(shown) - 1)) / len(shown), MIDDLE)
    return tuple(
        _Box(_title(flow, part), (*_size(part, width), *_lines(flow, part)), 0.05 + place * (width + GAP), width)
        for place, part in enumerate(shown)
    )


def _size(part: Part, width: float = MIDDLE) -> list[str]:
    """The studies and patients of a part, in one line where there is room."""
    words = [counted(part.studies, "study"), counted(part.patients, "patient")]
    return [" of ".join(words)] if width > 2 else words


def _title(flow: Flow, part: Part) -> str:
    if flow.second:
        return "Second cohort"
    if flow.folds:
        return f"Fold {part.name}" if len(flow.parts) <= MOST_BESIDE else part.name
    return TITLES.get(part.name, part.name)


def _lines(flow: Flow, part: Part) -> list[str]:
    """What is said of a part below its size."""
    lines = ["at last taught, too"] if flow.refitted and part.name == "val" else []
    if part.known is not None and part.positive is not None:
        lines.append(f"{flow.finding}: {part.positive} of {part.known}")
    if part.unlabelled:
        lines.append(f"no known label: {part.unlabelled}")
    return lines + [f"without {modality}: {count}" for modality, count in part.without.items()]


def _last(flow: Flow) -> _Box:
    """The box of what was scored, below the parts that it is of."""
    lines = [*_size(flow.scored), *_lines(flow, flow.scored)]
    lines += [f"not scored: {flow.unscored}"] if flow.unscored else []
    boxes = [box for box, part in zip(_split(flow), _shown(flow), strict=True) if part in _scored_parts(flow)]
    right = max((box.left + box.width for box in boxes), default=WIDTH - 0.05)
    width = max(2.4, boxes[0].width) if boxes else MIDDLE
    if flow.folds:
        return _Box("Scored, each by a model that had not seen it", tuple(lines), 0.05, MIDDLE)
    return _Box("Scored", tuple(lines), max(0.05, right - width), width)


def _draw_box(axes: Axes, box: _Box, top: float, height: float) -> None:
    look = {"facecolor": BACK, "edgecolor": QUIET, "linewidth": 0.9, "label": "box"}
    axes.add_patch(Rectangle((box.left, top - height), box.width, height, **look))
    axes.text(box.left + EDGE, top - EDGE, box.title, va="top", fontsize=8.5, weight="bold", color=TEXT)
    for place, line in enumerate(box.text, start=1):
        axes.text(box.left + EDGE, top - EDGE - LINE * place, line, va="top", fontsize=8.5, color=TEXT)


def _fork(axes: Axes, start: float, bottom: float, below: float, forks: bool, split: Sequence[_Box]) -> None:
    """From a box of the middle down to the next, or to each of the splits."""
    if not forks:
        _line(axes, [(start, bottom), (start, below)], arrow=True)
        return
    bend = below + STEP / 2
    for box in split:
        _line(axes, [(start, bottom), (start, bend), (box.middle, bend), (box.middle, below)], arrow=True)


def _join(axes: Axes, boxes: Sequence[_Box], last: _Box, bottom: float) -> None:
    """From the parts that were scored down to the box of the scores."""
    bend = bottom - STEP / 2
    for box in boxes:
        end = box.middle if len(boxes) == 1 and last.left <= box.middle <= last.left + last.width else last.middle
        _line(axes, [(box.middle, bottom), (box.middle, bend), (end, bend), (end, bottom - STEP)], arrow=True)


def _line(axes: Axes, points: Sequence[tuple[float, float]], *, arrow: bool) -> None:
    points = points[:: len(points) - 1] if len({x for x, _ in points}) == 1 else points
    for (x, y), (to_x, to_y) in pairwise(points[:-1]):
        axes.plot((x, to_x), (y, to_y), color=QUIET, linewidth=0.9, solid_capstyle="butt")
    style = {"arrowstyle": "-|>" if arrow else "-", "color": QUIET, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", points[-1], points[-2], arrowprops=style)


def _numbers(flow: Flow) -> Iterator[dict[str, object]]:
    """One line per count."""
    if flow.found is not None:
        yield {"step": "found in the source", "studies": flow.found}
        yield {"step": "could not be stored", "studies": flow.quarantined}
        yield from ({"step": "could not be stored", "reason": r, "studies": count} for r, count in flow.reasons.items())
    if flow.stored is not None:
        yield {"step": "stored", "studies": flow.stored, "patients": flow.stored_patients}
    yield from ({"step": "not taken", "reason": r, "studies": count} for r, count in flow.left_out.items())
    for part in (*flow.parts, flow.scored):
        step = part.name if part is flow.scored else f"{'fold' if flow.folds else 'split'} {part.name}"
        yield {"step": step, "studies": part.studies, "patients": part.patients}
        for reason, count in (
            ("no known label", part.unlabelled),
            (f"{flow.finding} known", part.known),
            (f"{flow.finding} positive", part.positive),
        ):
            if count is not None:
                yield {"step": step, "reason": reason, "studies": count}
        yield from ({"step": step, "reason": f"without {m}", "studies": count} for m, count in part.without.items())
