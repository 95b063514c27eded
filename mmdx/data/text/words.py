"""The words of a text: the same for whoever learns them, counts them or looks for them.

Most scripts put spaces between words. In those that do not, and in Korean, whose words take endings, a letter with its
marks is a word by itself; models, baselines and the audit see pairs of neighbours beside it. Both the patterns here and
those of a saved tokenizer are made of `WORD_PATTERN`, which Python and the library `tokenizers` read alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
FEWEST_PATIENTS, MANY = 2, 100
"""Patients in whose texts a word must stand to be written down anywhere; one more where so `MANY` have a text."""
_UNSEEN = "\u00ad\u061c\u0640\u180e\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufeff\0"
"""Characters without width or ink, directions of writing, and the stroke that lengthens Arabic words."""
_SPACELESS_BLOCKS = (
    *((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x19E0, 0x19FF)),
    *((0x3005, 0x3007), (0x3040, 0x30FF), (0x3100, 0x318F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0xA960, 0xA97F)),
    *((0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xD7B0, 0xD7FF)),
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana, Bopomofo and the letters of Hangul; marks and digits in them are none."""
_WHOLE_BLOCKS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0x20000, 0x323AF))
"""Han characters and the syllables of Hangul."""


def _ranges(codes: Iterable[int]) -> str:
    """Character codes in ascending order as what stands between the brackets of a pattern."""
    ends = list(codes)
    starts = [ends[0], *(b for a, b in pairwise(ends) if b > a + 1)]
    stops = [*(a for a, b in pairwise(ends) if b > a + 1), ends[-1]]
    return "".join(f"{chr(start)}-{chr(stop)}" for start, stop in zip(starts, stops, strict=True))


_MARKS = _ranges(code for code in range(0x0300, 0xFE30) if unicodedata.category(chr(code))[0] == "M")
_SPACELESS = _ranges(
    code
    for first, last in _SPACELESS_BLOCKS
    for code in range(first, last + 1)
    if unicodedata.category(chr(code))[0] == "L" or chr(code) == "〇"
) + "".join(f"{chr(first)}-{chr(last)}" for first, last in _WHOLE_BLOCKS)
_SPACED = rf"[^\W{_SPACELESS}]", rf"[{_MARKS}]"
"""Patterns of one character of a word between spaces, which may be a mark."""
LETTER = rf"[{_SPACELESS}][{_MARKS}]*"
"""Pattern of a letter that is a word by itself."""
SPACED_PATTERN = rf"(?:{_SPACED[0]}+|{_SPACED[1]}+)+"
"""Pattern of a word between spaces."""
WORD_PATTERN = rf"{SPACED_PATTERN}|{LETTER}|[^\w\s{_MARKS}]+"
"""Pattern of a word, or of what stands between words."""
UNSEEN_PATTERN = f"[{_UNSEEN}]"
LAST_SIGMA = "ς", "σ"
"""What the lower-case sigma is at the end of a word, and elsewhere."""
_WORDS, _HIDDEN = re.compile(WORD_PATTERN), re.compile(UNSEEN_PATTERN)
_LETTER, _IN_WORD = re.compile(LETTER), re.compile("|".join(_SPACED))


def plain(text: str) -> str:
    """`text` as it is compared: NFKC (full-width digits and joined accents are one thing with plain ones), without what
    is not seen; the zero-width space, which parts words in some scripts, is a space."""
    if text.isascii() and "\0" not in text:
        return text
    return unicodedata.normalize("NFKC", _HIDDEN.sub("", text.replace("\u200b", " ")))


def words(text: str) -> list[str]:
    """The words of a text in lower case and in order, and the punctuation between them."""
    return _WORDS.findall(plain(text).lower().replace(*LAST_SIGMA))


def is_letter(word: str) -> bool:
    """Whether a word is one letter of a script that has no spaces between words."""
    return _LETTER.fullmatch(word) is not None


def counted(text: str) -> list[str]:
    """The words of a text that a bag of words counts: without punctuation, and without lone letters and digits but of
    scripts in which a letter is a word."""
    return [word for word in words(text) if is_letter(word) or (len(word) > 1 and _IN_WORD.match(word))]


def whole_word(term: str) -> str:
    """A pattern that finds a term in a text that is `plain`, not within a longer word."""
    term = plain(term)
    letter, mark = _SPACED
    before = "" if is_letter(term[:1]) else f"(?<!{letter})(?<!{mark})"
    after = f"(?!{mark})" if _ends_in_letter(term) else f"(?!{letter}|{mark})"
    return f"{before}{re.escape(term)}{after}"


def _ends_in_letter(term: str) -> bool:
    return re.search(f"{LETTER}$", term) is not None


def fewest_patients(patients: Iterable[Hashable]) -> int:
    """In the texts of how many patients a word must stand to be written down, where so many have a text."""
    return FEWEST_PATIENTS + (len(set(patients)) >= MANY)


def shared(parts: Iterable[Iterable[T]], patients: Sequence[Hashable]) -> set[T]:
    """Those parts of texts that `fewest_patients` patients have in theirs; `patients` are whose each text is."""
    least, owners = fewest_patients(patients), defaultdict[T, set[Hashable]](set)
    for own, patient in zip(parts, patients, strict=True):
        for part in own:
            if len(owners[part]) < least:
                owners[part].add(patient)
    return {part for part, owning in owners.items() if len(owning) >= least}
