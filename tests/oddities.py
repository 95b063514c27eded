"""Plain values with one thing changed, for tests of files that somebody else has made."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

ODD = st.sampled_from(
    (
        *(0, -1, 1, 33, 32.7, 1e300, 2**31, 2**63, 10**30, True, False, None, [], {}, [[]], [0], {"a": 1}),
        *("", " ", "..", "../../../x", "/etc/passwd", "a\nb", "\x1b[31m", "\0", "32", "os", "..os", "x" * 5000),
    )
)
GONE = object()


def places(value: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys that lead to each value within a value; of a long list to the first and the last."""
    inner = (
        [*value]
        if isinstance(value, dict)
        else sorted({0, len(value) - 1})
        if isinstance(value, list) and value
        else []
    )
    return [keys, *(place for key in inner for place in places(value[key], (*keys, key)))]


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """`value` with something odd in one place, or nothing there."""
    keys = draw(st.sampled_from(places(value)[1:]))
    root = copy.deepcopy(value)
    holder = root
    for key in keys[:-1]:
        holder = holder[key]
    odd = draw(ODD | st.just(GONE))
    if odd is GONE:
        del holder[keys[-1]]
    else:
        holder[keys[-1]] = odd
    return root
