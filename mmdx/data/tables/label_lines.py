"""What studies have to learn from, in lines: findings, and traits that look like labels and are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmdx.data.tables.label_hints import hinted_traits, says_yes_or_no
from mmdx.errors import some
from mmdx.study import Study, is_fact

_MOST_FINDINGS = 8


def label_lines(studies: Sequence[Study]) -> list[str]:
    """The findings with their counts of 1, 0 and unknown, and the traits of words that are labels most likely.

    Where there is no finding, every trait that looks like a label is named.
    """
    findings = list(dict.fromkeys(name for study in studies for name in study.labels))
    traits = [{name: value for name, value in study.traits.items() if is_fact(name)} for study in studies]
    counts = [f"{name} ({_counts([study.labels.get(name) for study in studies])})" for name in findings]
    lines = [f"findings: {some(counts, most=_MOST_FINDINGS)}" if counts else "no finding: nothing to learn or score"]
    for name, hint in hinted_traits(traits).items():
        if not findings or says_yes_or_no([of.get(name) for of in traits]):
            lines.append(f"a trait that looks like a label, {hint}")
    return lines


def without_finding(traits: Sequence[Mapping[str, object]]) -> str:
    """What studies of these traits have in the place of labels, and how it is mapped: the end of a line."""
    names = list(dict.fromkeys(name for of in traits for name in of))
    hints = list(hinted_traits(traits).values())
    if hints:
        return f"a trait becomes a label where the reader is told what its words mean, as for {some(hints)}"
    if names:
        return f"its columns are traits ({some(names, most=5)}), none like a label; a label is 1, 0 or empty"
    return "a label is a column of 1, 0 or empty in the table that the reader reads"


def _counts(labels: Sequence[float | None]) -> str:
    ones, zeros = labels.count(1.0), labels.count(0.0)
    return f"1: {ones}, 0: {zeros}, empty: {len(labels) - ones - zeros}"
