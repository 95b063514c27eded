"""Labels that stand in a table as words: what the user says that they mean.

The option `labels` has an entry per column: words with what they say (`{yes: 1, no: 0, unclear: null}`), words with
their class (`{nv: nevus, mel: melanoma}`), a list of classes that stand for themselves, or `classes` for those that the
column holds. Classes become the group of findings `COLUMN/CLASS`, of which one alone is 1. Case and white space do not
matter, 1.0 is 1, an empty cell is unknown. Nothing is guessed: a word without an entry is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic

from mmdx.data.tables.tables import Row, Table
from mmdx.errors import DataError, did_you_mean, some
from mmdx.study import UNKNOWN

CLASSES = "classes"
MOST_CLASSES = 50
_EXAMPLE = "write {yes: 1, no: 0}, [class, class] or classes"


def _checked(option: object) -> object:
    """The option with its words as text, as YAML may have read numbers. Raises `ValueError` for what says nothing."""
    if option is None:
        return None
    if not isinstance(option, Mapping):
        raise ValueError("expected columns with their words, such as {icu: {yes: 1, no: 0}}")
    return {str(column): _checked_entry(str(column), entry) for column, entry in option.items()}


def _checked_entry(column: str, entry: object) -> object:
    if entry == CLASSES:
        return entry
    if isinstance(entry, list | tuple):
        words: dict[Any, Any] = {name: text_of(name) for name in entry}
    elif isinstance(entry, Mapping):
        words = dict(entry)
    else:
        raise ValueError(f"'{column}' is {entry!r}; {_EXAMPLE}")
    folded = [folded_word(word) for word in words]
    twice = next((word for word, key in zip(words, folded, strict=True) if folded.count(key) > 1), None)
    if twice is not None or (isinstance(entry, list | tuple) and len(words) < len(entry)):
        raise ValueError(f"'{column}' names {f'{twice!r} twice' if twice is not None else 'a class twice'}; keep one")
    if not words or "" in folded:
        raise ValueError(f"'{column}' has {'an empty word' if words else 'no words'}; {_EXAMPLE}")
    classes = {folded_word(value) for value in words.values() if isinstance(value, str)}
    other = next((v for v in words.values() if v is not None and not isinstance(v, str) and v not in (0, 1)), None)
    if other is not None:
        raise ValueError(f"'{column}' maps a word to {other!r}; a word says 1, 0, null or a class")
    numbers = [value for value in words.values() if value is not None and not isinstance(value, str)]
    if classes and numbers:
        raise ValueError(f"'{column}' maps words to {numbers[0]} and to classes; keep to one of them")
    if (not classes and not numbers) or len(classes) == 1 or "" in classes:
        raise ValueError(f"'{column}' needs two classes or more, or words that say 1 or 0; {_EXAMPLE}")
    if isinstance(entry, list | tuple):
        return [text_of(name) for name in entry]
    return {
        text_of(word): value if value is None or isinstance(value, str) else int(value) for word, value in words.items()
    }


LabelWords = Annotated[dict[str, Any], pydantic.BeforeValidator(_checked)]
"""By column: words with 1, 0, null or their class; a list of classes; or `classes`."""


@dataclass(frozen=True)
class WordLabels:
    """A column of words: what each says (1.0, 0.0, NaN, or its class), by the word as it is folded."""

    column: str
    means: Mapping[str, float | str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order in which they are named; none of a column that says 1 or 0."""
        return tuple(dict.fromkeys(value for value in self.means.values() if isinstance(value, str)))

    @property
    def findings(self) -> tuple[str, ...]:
        return tuple(f"{self.column}/{name}" for name in self.classes) or (self.column,)

    def of(self, row: Row) -> dict[str, float]:
        """The labels of a row, all unknown where its cell is empty."""
        word = folded_word(row.cells.get(self.column))
        said = self.means[word] if word in self.means or not is_empty(word) else UNKNOWN
        if isinstance(said, str):
            return {f"{self.column}/{name}": float(name == said) for name in self.classes}
        return dict.fromkeys(self.findings, said)


def word_labels(table: Table, option: Mapping[str, Any], taken: Sequence[str] = ()) -> dict[str, WordLabels]:
    """The columns of `option`, by name. `taken` are columns that say something else than a label.

    Raises `DataError` with a line for each column that is not there or cannot be one, and for words without an entry.
    """
    problems: list[str] = []
    made: dict[str, WordLabels] = {}
    for column, entry in option.items():
        problem = _column_problem(table, column, taken)
        if problem is None:
            words = _classes_in(table, column) if entry == CLASSES else _meanings(entry)
            made[column] = WordLabels(column, words)
            problem = _words_problem(table, made[column])
        problems += [problem] if problem is not None else []
    if problems:
        raise DataError(problems)
    return made


def folded_word(cell: object) -> str:
    """A cell as words are compared: lower case, single spaces, 1.0 as 1; empty where nothing stands in it."""
    word = text_of(cell).casefold()
    number = re.fullmatch(r"([+-]?\d+)\.0+", word)
    return number[1] if number else word


def text_of(cell: object) -> str:
    """A cell as one line of text; booleans as true and false."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(cell).lower() if isinstance(cell, bool) else " ".join(str(cell).split())


def is_empty(word: str) -> bool:
    """Whether a folded word is what an empty cell holds."""
    return word in ("", "nan")


def words_in(table: Table, column: str) -> dict[str, str]:
    """The words of a column by their folded form, each as it is first spelled, in alphabetical order."""
    spelled: dict[str, str] = {}
    for row in table.rows:
        spelled.setdefault(folded_word(row.cells.get(column)), text_of(row.cells.get(column)))
    return {word: spelled[word] for word in sorted(spelled) if not is_empty(word)}


def _classes_in(table: Table, column: str) -> dict[str, float | str]:
    return dict(words_in(table, column))


def _meanings(entry: Mapping[str, Any] | Sequence[str]) -> dict[str, float | str]:
    """What each folded word says; classes that differ in case or spaces alone are one."""
    words = entry if isinstance(entry, Mapping) else {name: name for name in entry}
    spelled: dict[str, str] = {}
    means: dict[str, float | str] = {}
    for word, value in words.items():
        if isinstance(value, str):
            means[folded_word(word)] = spelled.setdefault(folded_word(value), text_of(value))
        else:
            means[folded_word(word)] = UNKNOWN if value is None else float(value)
    return means


def _column_problem(table: Table, column: str, taken: Sequence[str]) -> str | None:
    where = f"{table.path}: labels.{column}"
    if column not in table.columns:
        return f"{where}: no such column; {did_you_mean(column, table.columns)}"
    if column in taken:
        return f"{where}: '{column}' is no label, mmdx reads it as something else; name a column of labels"
    listed = next((row for row in table.rows if isinstance(row.cells.get(column), list | dict)), None)
    if listed is not None:
        return f"{listed.at(column)}: holds a list, and a label is one word; give each finding a column of its own"
    return None


def _words_problem(table: Table, labels: WordLabels) -> str | None:
    """What is wrong with the words of a column: none is known, there are too many, a name is taken."""
    column, where = labels.column, f"{table.path}, column '{labels.column}'"
    if labels.classes:
        if "/" in column:
            return f"{where}: the classes of a column are called COLUMN/CLASS, and this name holds a '/'; rename it"
        if same := [name for name in labels.findings if name in table.columns]:
            return f"{where}: its class would be called '{same[0]}' as another column is; rename one"
        if len(labels.classes) > MOST_CLASSES:
            return f"{where}: {len(labels.classes)} classes, no more than {MOST_CLASSES} can be; list those you mean"
    if len(labels.classes) == 1 or not labels.means:
        return f"{where}: holds {len(labels.means)} class; a group needs two, so map its words to 1 and 0"
    unknown = {word: text for word, text in words_in(table, column).items() if word not in labels.means}
    if not unknown:
        return None
    rows = [row.where.rpartition("row ")[2] for row in table.rows if folded_word(row.cells.get(column)) in unknown]
    named = some([f"'{text}'" for text in unknown.values()], most=5)
    says = "its class" if labels.classes else "1, 0 or null (unknown)"
    return f"{where}: labels.{column} does not say what {named} means (row {some(rows)}); add it with {says}"
