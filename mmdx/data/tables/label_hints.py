"""Columns that look like labels and are none: words and small numbers which only the user can tell the meaning of."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mmdx.data.tables.word_labels import folded_word, is_empty, text_of

MOST_CLASSES = 20
_YES = ("yes", "y", "positive", "pos", "present", "true", "t", "abnormal", "+", "detected")
_NO = ("no", "n", "negative", "neg", "absent", "false", "f", "normal", "-", "not detected")
_OPEN = ("unknown", "unclear", "uncertain", "equivocal", "indeterminate", "n/a", "na", "not assessed", "not done", "-1")
"""Words of somebody who looked and could not say, or did not look."""
_OPPOSITES: dict[str, str] = dict(zip(_YES, _NO, strict=True))
_FACTS = (
    *("sex", "gender", "race", "ethnicity", "view", "position", "projection", "laterality", "side", "site", "day"),
    *("hospital", "center", "centre", "institution", "source", "manufacturer", "model", "scanner", "modality"),
    *("machine", "vendor", "protocol", "kernel", "sequence", "country", "language", "department", "ward", "age"),
)
_LABELS = ("label", "class", "grade", "diagnos", "target", "finding", "disease", "outcome", "stage")


def label_hint(column: str, cells: Sequence[object]) -> str | None:
    """The option that would make labels of a column, `labels={…}`; None where it does not look like one.

    A column of two words or numbers is taken for one, and one of up to `MOST_CLASSES` words that come again; of
    numbers, more than two only where the column is called like a label. Facts such as the sex are none.
    """
    words = {folded_word(cell): text_of(cell) for cell in reversed(cells)}
    words = {word: text for word, text in sorted(words.items()) if not is_empty(word)}
    filled = sum(not is_empty(folded_word(cell)) for cell in cells)
    parts = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower())
    if not 2 <= len(words) <= MOST_CLASSES or (filled < 2 * len(words) and _pair(words) is None):
        return None
    if any(part in _FACTS for part in parts) or any(len(text) > 60 for text in words.values()):
        return None
    numbers = all(re.fullmatch(r"[+-]?\d+(\.\d+)?", word) for word in words)
    if numbers and len(words) > 2 and not any(name in column.lower() for name in _LABELS):
        return None
    return f"labels={{{quoted(column)}: {_entry(words)}}}"


def hinted_traits(traits: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """What stands in the traits of studies that look like labels, and the option for it, by the trait's name."""
    columns = {name: [of.get(name) for of in traits] for name in dict.fromkeys(name for of in traits for name in of)}
    hints = {name: (shares(cells), label_hint(name, cells)) for name, cells in columns.items()}
    return {name: f"'{name}' ({found}): '{option}'" for name, (found, option) in hints.items() if option is not None}


def says_yes_or_no(cells: Sequence[object]) -> bool:
    """Whether a column holds nothing but words of yes and no, and of not knowing."""
    return _pair({folded_word(cell): text_of(cell) for cell in cells if not is_empty(folded_word(cell))}) is not None


def shares(cells: Sequence[object], *, most: int = 4) -> str:
    """How often each word stands in a column, the most frequent first: `no 18, yes 12`."""
    spelled = {folded_word(cell): text_of(cell) for cell in reversed(cells)}
    counts = Counter(folded_word(cell) for cell in cells if not is_empty(folded_word(cell)))
    named = [f"{spelled[word]} {count}" for word, count in counts.most_common(most)]
    more = f" and {len(counts) - most} more" if len(counts) > most else ""
    return ", ".join(named) + more


def quoted(word: str) -> str:
    """A word as YAML takes it within braces."""
    return word if re.fullmatch(r"\w+([ .+-]+\w+)*", word) else json.dumps(word, ensure_ascii=False)


def _pair(words: Mapping[str, str]) -> tuple[str, str] | None:
    """The words of a column that say yes and no, where it holds nothing else but words of not knowing."""
    words = {word: text for word, text in words.items() if word not in _OPEN}
    yes, no = [word for word in words if word in _YES], [word for word in words if word in _NO]
    matched = len(words) == 2 and len(yes) == 1 and len(no) == 1 and _OPPOSITES[yes[0]] == no[0]
    return (words[yes[0]], words[no[0]]) if matched else None


def _entry(words: Mapping[str, str]) -> str:
    pair = _pair(words)
    if pair is not None:
        unknown = "".join(f", {quoted(text)}: null" for word, text in words.items() if word in _OPEN)
        return f"{{{quoted(pair[0])}: 1, {quoted(pair[1])}: 0{unknown}}}"
    if len(words) == 2:
        first, second = words.values()
        return f"{{{quoted(first)}: 1 or 0, {quoted(second)}: 1 or 0}}"
    return "classes"
