"""Numbers in words, as the sections of a comparison say them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmdx.stats.report.claims import number, p_value
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference


def with_bounds(estimate: Estimate) -> str:
    """`0.912 (95 % interval 0.874 to 0.946)`, or why there is no interval."""
    if math.isnan(estimate.value):
        return "undefined"
    return f"{number(estimate.value)} ({bounds(estimate)})"


def bounds(estimate: Estimate) -> str:
    """`95 % interval 0.874 to 0.946`, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return f"no interval: {estimate.refused}"
    return f"95 % interval {number(estimate.low)} to {number(estimate.high)}"


def with_test(difference: Difference) -> str:
    """`0.021 (95 % interval 0.004 to 0.039, p = 0.018)`, or why there is no test."""
    said = with_bounds(difference.estimate)
    return said if difference.stated is None else f"{said.removesuffix(')')}, {p_value(difference.stated)})"


def p_cell(p: float | None) -> str:
    """A p-value in a table: `0.018`, `<0.001`; a dash where no test was made."""
    if p is None or math.isnan(p):
        return "–"
    return p_value(p).removeprefix("p ").removeprefix("= ").replace(" ", "")


def counted(count: int, noun: str) -> str:
    """`1 patient`, `12 patients`, `3 studies`."""
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """`studies`, `slices`, `patients`."""
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
