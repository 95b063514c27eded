"""Slices of a study side by side, on axes of matplotlib: of a store with labels, boxes and scores, of an explanation
with its heat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mmdx.data.images.windows import BRAIN, WINDOWS, Window, looked_at
from mmdx.data.store.stored import StoredStudy
from mmdx.engine.inference.explaining.overlay import blended
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.stats.report.plots import LOOK, ink, name_axes, own_axes

if TYPE_CHECKING:
    from mmdx.engine.inference.explanation import Explanation
    from mmdx.engine.inference.prediction import Prediction

MOST = 24
"""Slices that are drawn where nobody names them: of more, so many from the first to the last, equally far apart."""
CELL, WORDS = 1.45, 0.15
"""Inches of a slice on axes of its own, and the height of the words above it as a share of that."""
GAP = 0.07
BOX = "#ffd400"
"""The colour of the box around a lesion, on CT as on photographs."""


@dataclass(frozen=True)
class _Cell:
    """One slice: its picture, what stands above it on both sides, and boxes as shares of its sides (x0, y0, x1, y1)."""

    pixels: UInt8[np.ndarray, "h w *k"]
    left: str
    right: str = ""
    boxes: tuple[tuple[float, float, float, float], ...] = ()


def slices(
    study: StoredStudy | Explanation,
    finding: str | None = None,
    *,
    modality: str | None = None,
    numbers: Sequence[int] | None = None,
    window: str | Window | None = None,
    scores: Prediction | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Slices of a study side by side, each under its number from 1, as a viewer counts.

    Of a study of a `Store`: the images of `modality` (the first by default) as they are stored, CT in a `window`
    (`"brain"`, `"subdural"`, `"bone"`, `"lung"`, `"soft tissue"`, or centre and width in HU). Right above a slice stand
    the findings that its label has, with the boxes around them; of `finding` alone where it is named, and then its
    score in `scores`, what a model predicted for these slices. `numbers` chooses slices; without it at most 24 are
    drawn, equally far apart.

    Of an `Explanation`: the likeliest slices of `finding` (the first that is explained by default) with their scores,
    above them as they are, and below under their heat.

    Raises `UsageError` for a finding, modality, window or number that there is not, and for options that do not go
    together; `DataError` for a study without images.
    """
    if isinstance(study, StoredStudy):
        name = _modality(study, modality)
        cells = _of_store(study, name, finding, _window(window), scores, numbers)
        columns, title = _columns(len(cells)), name if finding is None else f"{name}: {finding}"
    else:
        options = {"modality": modality, "window": window, "scores": scores}
        explanation = _explanation(study, [option for option, value in options.items() if value is not None])
        finding = next(iter(explanation.findings), "") if finding is None else finding
        plain, heated = _of_explanation(explanation, finding, numbers)
        cells, columns, title = (
            [*plain, *heated],
            len(plain),
            f"{explanation.modality}: {finding}, under Grad-CAM below",
        )
    rows = -(-len(cells) // columns)
    ax = own_axes((CELL * max(columns, 2), (CELL * (1 + WORDS)) * rows + 0.3)) if ax is None else ax
    with rc_context({"text.parse_math": LOOK["text.parse_math"]}):
        _draw(ax, cells, columns)
        name_axes(ax, title, 60)
    return ax


def _draw(axes: Axes, cells: Sequence[_Cell], columns: int) -> None:
    """Each cell is a square of side 1, with its words above it; y runs down."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    height = 1 + WORDS
    for place, cell in enumerate(cells):
        row, column = divmod(place, columns)
        x, y = column * (1 + GAP), row * (height + GAP) + WORDS
        tall, wide = (side / max(cell.pixels.shape[:2]) for side in cell.pixels.shape[:2])
        left, top = x + (1 - wide) / 2, y + (1 - tall) / 2
        grey = {"cmap": "gray", "vmin": 0, "vmax": 255} if cell.pixels.ndim == 2 else {}
        axes.imshow(cell.pixels, extent=(left, left + wide, top + tall, top), interpolation="nearest", **grey)
        words = {"fontsize": 8, "va": "bottom", "color": ink(axes)}
        axes.text(x, y - 0.02, cell.left, ha="left", **words)
        axes.text(x + 1, y - 0.02, cell.right, ha="right", **words)
        for x0, y0, x1, y1 in cell.boxes:
            corner, size = (left + wide * x0, top + tall * y0), (wide * (x1 - x0), tall * (y1 - y0))
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=BOX, linewidth=1))
    rows = -(-len(cells) // columns)
    axes.set_xlim(0, columns * (1 + GAP) - GAP)
    axes.set_ylim(rows * (height + GAP) - GAP, 0)


def _columns(count: int) -> int:
    """Slices beside each other: up to six in one row, of more about half as many again as below each other."""
    if count <= 6:
        return count
    return math.ceil(count / math.ceil(math.sqrt(count / 1.5)))


def _of_store(
    study: StoredStudy,
    modality: str,
    finding: str | None,
    window: Window,
    scores: Prediction | None,
    numbers: Sequence[int] | None,
) -> list[_Cell]:
    if finding is not None and finding not in study.findings:
        raise UsageError(f"plot.slices: no finding '{finding}'; {did_you_mean(finding, study.findings)}")
    pixels, labels = study.pixels(modality), study.slice_labels(modality)
    scored = {} if scores is None else _scores(scores, finding, modality, len(pixels))
    wanted = [name for name in study.findings if finding in (None, name)]
    cells = []
    for index in _indices(numbers, len(pixels)):
        known = dict(zip(study.findings, labels[index], strict=True)) if len(labels) else {}
        words = [name for name in wanted if known.get(name) == 1]
        right = f"{scored[index]:.2f}" if index in scored else ""
        if finding is None:
            right = ", ".join(words) if len(words) < 2 else f"{len(words)} findings"
        elif words:
            right = f"{right} present".strip()
        boxes = tuple(
            _shares(box, pixels.shape[2:])
            for box in study.boxes()
            if (box["modality"], box["image"]) == (modality, index) and box["finding"] in wanted
        )
        cells.append(_Cell(looked_at(pixels[index], window), str(index + 1), right, boxes))
    return cells


def _shares(box: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    height, width = shape
    return box["x0"] / width, box["y0"] / height, box["x1"] / width, box["y1"] / height


def _scores(prediction: Prediction, finding: str | None, modality: str, count: int) -> dict[int, float]:
    """By 0-based place, the scores of a finding."""
    if finding is None:
        raise UsageError("plot.slices: scores are of one finding; name it")
    if finding not in prediction.slices:
        known = did_you_mean(finding, prediction.slices)
        raise UsageError(f"plot.slices: scores have none of '{finding}' by slice; {known}")
    read = prediction.images.get(modality)
    if read != count:
        raise DataError(f"plot.slices: scores are of {read or 0} images of '{modality}', and the study has {count}")
    return dict(zip(prediction.slice_numbers, prediction.slices[finding], strict=True))


def _of_explanation(
    explanation: Explanation, finding: str, numbers: Sequence[int] | None
) -> tuple[list[_Cell], list[_Cell]]:
    """The slices as they are, and under their heat."""
    chosen = [one.place.number for one in explanation.findings.get(finding, ())] if numbers is None else numbers
    overlays = [explanation.overlay(finding, number) for number in chosen] or [explanation.overlay(finding)]
    by_number = {one.place.number: one for one in explanation.findings[finding]}
    plain, heated = [], []
    for number, overlay in zip(chosen, overlays, strict=True):
        pixels = np.rint(np.clip(overlay.pixels, 0, 1) * 255).astype(np.uint8)
        pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        plain.append(_Cell(pixels, str(number), f"{by_number[number].score:.2f}"))
        heated.append(_Cell(blended(pixels, overlay.heat), ""))
    return plain, heated


def _explanation(study: object, options: Sequence[str]) -> Explanation:
    """Raises `UsageError` for what is no explanation, and for options that are none of one."""
    from mmdx.engine.inference.explanation import Explanation  # imported here: it knows torch

    if not isinstance(study, Explanation):
        raise UsageError(
            f"plot.slices: '{type(study).__name__}' holds no slices; give a study of a Store (store[0]), or what "
            "model.explain answered"
        )
    if options:
        raise UsageError(f"plot.slices: {' and '.join(options)}: not of an Explanation, which knows its own; leave out")
    return study


def _modality(study: StoredStudy, modality: str | None) -> str:
    if not study.pictured:
        raise DataError(f"plot.slices: study '{study.study_id}' has no images")
    if modality is None:
        return study.pictured[0]
    if modality not in study.pictured:
        raise UsageError(f"plot.slices: no images '{modality}'; {did_you_mean(modality, study.pictured)}")
    return modality


def _window(window: str | Window | None) -> Window:
    if window is None:
        return BRAIN
    if isinstance(window, str):
        if window not in WINDOWS:
            raise UsageError(f"plot.slices: no window '{window}'; {did_you_mean(window, WINDOWS)}")
        return WINDOWS[window]
    centre, width = window
    if not width > 0:
        raise UsageError(f"plot.slices: a window of width {width:g}; give centre and a width above 0 in HU")
    return centre, width


def _indices(numbers: Sequence[int] | None, count: int) -> list[int]:
    """The 0-based places of slices that are drawn."""
    if numbers is None:
        return sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST)).tolist()})
    wrong = [number for number in numbers if not 1 <= number <= count]
    if wrong or not numbers:
        raise UsageError(f"plot.slices: slice {wrong[0] if wrong else 'none'}: the study has 1 to {count}")
    return [number - 1 for number in numbers]
