"""Reports in other words: what a reader would take for the same, or for the opposite, to see what a model makes of it.

Every change is a function of the text alone: the same report is always changed in the same way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Int64

from mmdx.data.text.negations import flipped
from mmdx.data.text.tokenizer import ReportTokenizer

_WORD = re.compile(r"[^\W\d_]{4,}")
_HEADING = re.compile(r"^(?=[ \t]*[A-Z][A-Z /]{2,40}:)", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.;!?。])\s+|\n+")
_SMALL = re.compile(
    r"\b(?:the|a|an|is|are|was|were|has|have|had|been|being|be|there|this|that|of)\b[ \t]*", re.IGNORECASE
)
WRONG_WORDS = 0.1
"""The share of the words of four letters and more that are mistyped."""
Change = Callable[[str], str]


def mistyped(report: str) -> str:
    """A tenth of the longer words, with two letters exchanged, one left out, or one typed twice."""
    seed = hashlib.blake2b(report.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    chance = np.random.default_rng(int.from_bytes(seed, "big"))

    def typed(match: re.Match[str]) -> str:
        word = match.group()
        if chance.random() >= WRONG_WORDS:
            return word
        place, kind = int(chance.integers(len(word) - 1)), chance.integers(3)
        if kind == 0:
            return f"{word[:place]}{word[place + 1]}{word[place]}{word[place + 2 :]}"
        return f"{word[:place]}{word[place + 1 :]}" if kind == 1 else f"{word[:place]}{word[place]}{word[place:]}"

    return _WORD.sub(typed, report)


def reordered(report: str) -> str:
    """Its sections in the reverse order, or its sentences where it has no two headings."""
    parts = [part for part in _HEADING.split(report) if part.strip()]
    if len(parts) > 1:
        return "\n".join(part.strip("\n") for part in reversed(parts))
    sentences = [sentence for sentence in _SENTENCE.split(report) if sentence.strip()]
    return " ".join(reversed(sentences)) if len(sentences) > 1 else report


def telegraphic(report: str) -> str:
    """In capitals and without articles and auxiliary verbs, as some dictate."""
    return _SMALL.sub("", report).upper()


CHANGES: Mapping[str, Change] = {
    "negations flipped": flipped,
    "sections reordered": reordered,
    "typing errors": mistyped,
    "telegraphic style": telegraphic,
}
"""By what each is called."""


class RewordedTokenizer(ReportTokenizer):
    """A tokenizer that reads what `change` makes of a text in its place."""

    def __init__(self, inner: ReportTokenizer, change: Change) -> None:
        self._inner, self._change = inner, change
        self.max_tokens, self.keeps = inner.max_tokens, inner.keeps

    def __reduce__(self) -> tuple[Callable[..., ReportTokenizer], tuple[Any, ...]]:
        return RewordedTokenizer, (self._inner, self._change)

    @property
    def vocabulary(self) -> int:
        return self._inner.vocabulary

    def __call__(self, text: str) -> Int64[np.ndarray, "n"]:
        return self._inner(self._change(text))
