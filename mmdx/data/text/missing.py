"""Texts that say that there is no text: what an empty cell became on its way through other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mmdx.study import Study

NO_TEXT = frozenset(
    (
        *("", "nan", "none", "null", "nil", "na", "n/a", "n.a.", "nat", "<na>", "#n/a", "#na", "<none>", "<null>"),
        *("-", "--", "---", "–", "—", ".", "..", "...", "…", "?"),
    )
)
"""What a text says, in whatever case and with nothing else beside it, where there is none."""
LEFT_OUT = "holds only what an empty cell is written as (such as nan, None or -); taken as no report"
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\0]")


def visible(text: str) -> str:
    """`text` without characters that have neither width nor ink, and without the white space around it."""
    return _UNSEEN.sub("", text).strip()


def says_nothing(text: str) -> bool:
    """Whether a text is one of `NO_TEXT`, as a whole."""
    return visible(text).lower() in NO_TEXT


def without_empty(studies: Sequence[Study]) -> list[Study]:
    """The studies without their texts that say nothing, each of which is named in `problems`."""
    return [_without_empty(study) for study in studies]


def _without_empty(study: Study) -> Study:
    empty = [name for name, value in study.modalities.items() if isinstance(value, str) and says_nothing(value)]
    if not empty:
        return study
    kept = {name: value for name, value in study.modalities.items() if name not in empty}
    return replace(study, modalities=kept, problems=(*study.problems, *(f"text '{name}' {LEFT_OUT}" for name in empty)))


def empty_lines(studies: Sequence[Study]) -> list[str]:
    """How many studies lost a text that says nothing, in a line; none where none did."""
    count = sum(any(LEFT_OUT in problem for problem in study.problems) for study in studies)
    return [f"texts: {count} of {len(studies)} studies have one that {LEFT_OUT}"] if count else []
