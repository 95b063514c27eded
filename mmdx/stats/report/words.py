"""Numbers in words: values with their intervals, p-values, counts and lists, written the same way everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference


def number(value: float) -> str:
    """Three digits after the point; nothing turns into minus zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def p_value(p: float) -> str:
    """`p = 0.018`, or `p < 0.001` where it is smaller."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def p_cell(p: float | None) -> str:
    """A p-value in a table: `0.018`, `<0.001`; a dash where no test was made."""
    if p is None or math.isnan(p):
        return "–"
    return p_value(p).removeprefix("p ").removeprefix("= ").replace(" ", "")


def with_interval(estimate: Estimate) -> str:
    """A value in a table: `0.912 [0.874, 0.946]`, or `0.912 [–]` where the interval is refused."""
    if math.isnan(estimate.value):
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return f"{number(estimate.value)} [–]"
    return bracketed(estimate.value, estimate.low, estimate.high)


def bracketed(value: float, low: float, high: float) -> str:
    """`0.912 [0.874, 0.946]`, where the ends are bounds, or the lowest and the highest of several."""
    return f"{number(value)} [{number(low)}, {number(high)}]"


def bounds(estimate: Estimate) -> str:
    """`95 % interval 0.874 to 0.946`, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return f"no interval: {estimate.refused}"
    return f"95 % interval {number(estimate.low)} to {number(estimate.high)}"


def with_bounds(estimate: Estimate) -> str:
    """A value in a sentence: `0.912 (95 % interval 0.874 to 0.946)`, or why there is no interval."""
    if math.isnan(estimate.value):
        return "undefined"
    return f"{number(estimate.value)} ({bounds(estimate)})"


def with_test(difference: Difference) -> str:
    """`0.021 (95 % interval 0.004 to 0.039, p = 0.018)`, or why there is no test."""
    text = with_bounds(difference.estimate)
    return text if difference.stated is None else f"{text.removesuffix(')')}, {p_value(difference.stated)})"


def counted(count: int, noun: str) -> str:
    """`1 patient`, `12 patients`, `3 studies`. `noun` is a word of ours, never a name of the user's."""
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """`studies`, `slices`, `patients`. `noun` is a word of ours, never a name of the user's."""
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def capitalised(text: str) -> str:
    """A text that opens with a capital; its other letters stay as they are."""
    return f"{text[:1].upper()}{text[1:]}"
