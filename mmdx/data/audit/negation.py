"""Words of a report with their negations: a small scope rule after NegEx (Chapman et al. 2001, J Biomed Inform)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mmdx.data.text.negations import NEGATIONS, PHRASES
from mmdx.data.text.words import LETTER, SPACED_PATTERN, plain

SCOPE = 8
"""A negation reaches this many words after it, unless the clause ends before."""
_TOKEN = re.compile(rf"\[MASKED\]|{SPACED_PATTERN}(?:[-'’]{SPACED_PATTERN})*|{LETTER}|[.;:?!\n。।؟؛]")
_ENDS = frozenset(".;:?!\n。।؟؛")
_TURNS = frozenset(("but", "however", "although", "though", "except", "yet"))
_AFTER = (("ruled", "out"), ("excluded",), ("absent",), ("unlikely",))
"""Words that negate what stands before them in the clause."""


@dataclass(frozen=True)
class Word:
    """A word in lower case, and whether a negation reaches it."""

    text: str
    negated: bool


def words(report: str) -> list[Word]:
    """The words of a report in order, without marks; the words that negate are not negated themselves.

    A negation reaches the words after it up to the end of the clause (`. ; : ? !`, a line, `but` and its like), at most
    `SCOPE` of them. `excluded`, `unlikely` and the like reach back to the start of theirs. A comma ends nothing.
    """
    return [word for clause in _clauses(report) for word in _marked(clause)]


def marked_tokens(report: str) -> list[str]:
    """The words as tokens for counting: `no_` stands before those that are negated."""
    return [f"no_{word.text}" if word.negated else word.text for word in words(report)]


def occurrences(report: Sequence[Word], term: Sequence[str]) -> Iterator[bool]:
    """For each place where the words of `term` stand in a row, whether it is negated there."""
    size = len(term)
    for start in range(len(report) - size + 1):
        if all(report[start + i].text == word for i, word in enumerate(term)):
            yield report[start].negated or report[start + size - 1].negated


@lru_cache(maxsize=4096)
def split_term(term: str) -> tuple[str, ...]:
    """The words of a term as `words` would have them."""
    return tuple(token.lower() for token in _tokens(term) if token not in _ENDS)


def _tokens(text: str) -> list[str]:
    """The words of `words.py`, but those with a hyphen or an apostrophe in one piece, and the ends of clauses."""
    return _TOKEN.findall(plain(text).replace("_", " "))


def _clauses(report: str) -> Iterator[list[str]]:
    clause: list[str] = []
    for token in _tokens(report):
        lowered = token.lower()
        if lowered in _ENDS or lowered in _TURNS:
            yield clause
            clause = [] if lowered in _ENDS else [lowered]
        else:
            clause.append(lowered)
    yield clause


def _marked(clause: Sequence[str]) -> list[Word]:
    negated = [False] * len(clause)
    for index, token in enumerate(clause):
        opens = token in NEGATIONS or tuple(clause[index : index + 2]) in PHRASES
        if opens:
            for place in range(index + 1, min(index + 1 + SCOPE, len(clause))):
                negated[place] = True
        if any(tuple(clause[index : index + len(after)]) == after for after in _AFTER):
            for place in range(index):
                negated[place] = True
    return [Word(token, reached and token not in NEGATIONS) for token, reached in zip(clause, negated, strict=True)]
