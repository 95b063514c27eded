"""The order certificate of an input in words, slices counted from 1 as on the page."""

from __future__ import annotations

from collections.abc import Sequence

from mmdx.errors import some
from mmdx.study import Order, OrderSource

EVIDENCE: dict[OrderSource, str] = {
    "position": "by their positions in the patient (ImagePositionPatient), the strongest evidence",
    "instance": "by their InstanceNumber, as they name no positions",
    "filename": "by the numbers in their file names, as nothing in the files says more",
    "given": "as they were listed",
    "unknown": "in an order that nobody knows: no positions, no numbers",
}
MOST_NAMED = 5
"""Slices that a sentence names."""


def order_in_words(order: Order, count: int) -> list[str]:
    """Sentences on the order of `count` slices: the evidence, what is missing or doubled, and what disagrees."""
    if count == 1:
        return ["One image, so there is no order to prove."]
    sentences = [f"{count} slices stand {EVIDENCE[order.source]}."]
    if order.source == "unknown":
        return sentences
    if order.spacing_mm is not None:
        sentences.append(f"From slice to slice it is {order.spacing_mm:.4g} mm.")
    if order.gaps:
        sentences.append(f"At least one slice is missing after slice {_places(order.gaps)}.")
    elif order.source in ("position", "instance"):
        sentences.append("No slice is missing between them.")
    if order.duplicates:
        sentences.append(f"At the place of the one before stands slice {_places(order.duplicates)}.")
    agreeing = {True: "Other evidence agrees.", False: "Other evidence (numbers or names) disagrees.", None: ""}
    return [*sentences, *filter(None, [agreeing[order.agrees]])]


def _places(indices: Sequence[int]) -> str:
    return some([str(index + 1) for index in indices], most=MOST_NAMED)
