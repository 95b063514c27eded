"""Which words of a report state a finding: a YAML file that users can edit, and what it finds in a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdx.data.audit.negation import Word, occurrences, split_term
from mmdx.errors import DataError, UsageError
from mmdx.strangers.bounded import MOST_OF_CONFIG, read_text
from mmdx.yaml_text import parse_yaml

SHIPPED = Path(__file__).with_name("lexicon.yaml")
_KINDS = ("present", "absent")


@dataclass(frozen=True)
class Terms:
    """Terms of one finding: those that state it, and those that state by themselves that it is not there."""

    present: tuple[str, ...]
    absent: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.present, *self.absent)))


class Lexicon:
    """The terms by finding. One without an entry is known by the words of its own name."""

    def __init__(self, entries: dict[str, Terms]) -> None:
        self._entries = entries

    def terms(self, finding: str) -> Terms:
        """Those under the finding's name in any case; for `GROUP/CLASS` under the class alone, too."""
        for name in (finding.lower(), finding.rpartition("/")[2].lower()):
            if name in self._entries:
                return self._entries[name]
        return Terms((finding.rpartition("/")[2].replace("_", " ").lower(),))


def read_lexicon(path: Path = SHIPPED) -> Lexicon:
    """A mapping of findings to a list of terms, or to `present:` and `absent:` lists.

    Raises `UsageError` naming the file and the entry where it is anything else.
    """
    try:
        text = read_text(path, most=MOST_OF_CONFIG)
    except FileNotFoundError:
        raise UsageError(f"--lexicon {path}: cannot be read (No such file or directory); give a YAML file") from None
    except DataError as error:
        raise UsageError([f"--lexicon {problem}" for problem in error.problems]) from None
    raw = parse_yaml(text, f"--lexicon {path}")
    if not isinstance(raw, dict):
        raise UsageError(f"--lexicon {path}: expected findings with their terms; found {type(raw).__name__}")
    entries: dict[str, Terms] = {}
    for name, value in raw.items():
        if str(name).lower() in entries:
            raise UsageError(f"--lexicon {path}: {name}: has an entry already in another case; join the two")
        entries[str(name).lower()] = _terms(path, str(name), value)
    return Lexicon(entries)


def stated(report: Sequence[Word], terms: Terms) -> float | None:
    """What a report says of a finding: 1.0 if a term of it stands there unnegated, else 0.0 if one stands negated or a
    term of its absence stands there, else None.
    """
    there = {word.text for word in report}
    negations = [negated for term in _among(terms.present, there) for negated in occurrences(report, term)]
    if not all(negations):
        return 1.0
    is_denied = any(not negated for term in _among(terms.absent, there) for negated in occurrences(report, term))
    return 0.0 if negations or is_denied else None


def _among(terms: Sequence[str], there: set[str]) -> list[tuple[str, ...]]:
    return [words for words in map(split_term, terms) if there.issuperset(words)]


def _terms(path: Path, finding: str, value: Any) -> Terms:
    lists = value if isinstance(value, dict) else {"present": value}
    wrong = [name for name in lists if name not in _KINDS]
    if wrong:
        raise UsageError(f"--lexicon {path}: {finding}: unknown key '{wrong[0]}'; use present and absent")
    for terms in lists.values():
        if not isinstance(terms, list) or not all(isinstance(term, str) and split_term(term) for term in terms):
            raise UsageError(f"--lexicon {path}: {finding}: expected a list of terms, found {terms!r}; quote each")
    return Terms(tuple(lists.get("present", ())), tuple(lists.get("absent", ())))
