"""Multi-class labels: a group of findings `GROUP/CLASS`, such as `DIAG/MEL`, of which exactly one is 1.

`groups_of` in `mmdx.study` says which findings make a group.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from mmdx.errors import DataError, did_you_mean
from mmdx.study import UNKNOWN


def group_problems(labels: Mapping[str, float], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """How labels contradict their groups, a sentence each.

    No two classes may be 1, a 1 makes all others 0, and not all may be 0. Zeros beside unknown classes are lawful: they
    say what it is not. A class without a label is unknown.
    """
    problems = []
    for group, members in groups.items():
        values = {member: labels.get(member, UNKNOWN) for member in members}
        present = [member for member, value in values.items() if value == 1.0]
        unknown = [member for member, value in values.items() if math.isnan(value)]
        if len(present) > 1:
            problems.append(
                f"{_named(present)} are all 1, but of the group '{group}' one alone may be; "
                "keep one, or name findings that go together without '/'"
            )
        elif present and unknown:
            problems.append(f"'{present[0]}' is 1 and {_named(unknown)} unknown; in its group all others are 0")
        elif not present and not unknown:
            problems.append(
                f"all of the group '{group}' ({_named(members)}) are 0; one must be 1, or leave them unknown"
            )
    return problems


def one_of(
    group: str, classes: Mapping[str, Collection[str]] | Sequence[str], value: str, where: str
) -> dict[str, float]:
    """The labels of a group, `GROUP/CLASS`, from the word in one cell: 1 for its class, 0 for the others.

    `classes` are the words that mean each class, or class names that stand for themselves; case and white space do not
    matter. An empty `value` leaves all unknown. Raises `DataError` at the place `where` for any other word.
    """
    words = classes if isinstance(classes, Mapping) else {name: (name,) for name in classes}
    class_of = {_folded(word): name for name, synonyms in words.items() for word in synonyms}
    if not value.strip():
        return {f"{group}/{name}": UNKNOWN for name in words}
    if _folded(value) not in class_of:
        choices = [word for synonyms in words.values() for word in synonyms]
        raise DataError(f"{where}: '{value.strip()}' is none of the classes of {group}; {did_you_mean(value, choices)}")
    return {f"{group}/{name}": float(name == class_of[_folded(value)]) for name in words}


def _folded(word: str) -> str:
    return " ".join(word.split()).casefold()


def _named(findings: Sequence[str]) -> str:
    return " and ".join(f"'{finding}'" for finding in findings)
