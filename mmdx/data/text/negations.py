"""The words that negate in English reports (after NegEx, Chapman et al. 2001), and reports that say the opposite."""

from __future__ import annotations

import re

NEGATIONS = frozenset(
    ("no", "not", "non", "without", "denies", "denied", "denying", "neither", "nor", "never", "lacks", "absent")
)
"""Words that negate what follows them."""
PHRASES = (("negative", "for"), ("absence", "of"), ("free", "of"), ("ruled", "out"), ("rules", "out"))
"""Pairs of words that do."""
_WORDS = "|".join([*sorted(NEGATIONS), *(r"\s+".join(pair) for pair in PHRASES)])
_NEGATING = re.compile(rf"\b(?:{_WORDS})\b\s*", re.IGNORECASE)
_CLAUSE = re.compile(r"[^.;:?!\n]+")
_OPENING = re.compile(r"^(\s*(?:(?:there (?:is|are|was|were)|with|and|but)\s+)?)", re.IGNORECASE)
_WORDED = re.compile(r"[^\W\d_]{3}")


def flipped(report: str) -> str:
    """A report that says the opposite: where a clause negates it does so no more, and where it does not it does.

    A clause ends at `. ; : ? !` and with the line. One without a word of three letters, such as a date, stays.
    """
    return _CLAUSE.sub(lambda match: _flipped_clause(match.group()), report)


def _flipped_clause(clause: str) -> str:
    positive = _NEGATING.sub("", clause)
    if positive != clause:
        return positive
    return _OPENING.sub(r"\1no ", clause, count=1) if _WORDED.search(clause) else clause
