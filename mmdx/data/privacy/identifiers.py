"""A scan of text for what looks like a name, a date, a record number, a telephone number or an e-mail address.

A scan, not de-identification: it counts what has the form of an identifier, so that a person looks. Names without a
title, nicknames, streets, ages, misspelt dates and whatever has no form of its own are not found, and some of what is
found is none (a month and a dose, a brand after a title). Patterns are for English, months also for German and French.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from typing import Literal, NamedTuple

Kind = Literal["name", "date", "record number", "telephone number", "e-mail address"]
KINDS: tuple[Kind, ...] = ("name", "date", "record number", "telephone number", "e-mail address")

_WORD = r"[A-Z][\w'’-]+"
_TITLE = r"(?:Dr|Doctor|Prof|Professor|Mr|Mrs|Ms|Miss|Mme|Mlle|Herr|Frau|Señor|Señora)\b\.?"
_ROLE = r"(?:patient(?:['’]s)?(?:\s+name)?|name|physician|doctor|radiologist|clinician|consultant|operator|surgeon)"
_BY = r"(?:dictated|signed|reported|referred|reviewed|transcribed|verified|requested|read)\s+by"
_DEGREE = r"(?:M\.?D|Ph\.?D|FRCR|FRCPC|DABR|MBBS)\b"
# Patterns are compiled when they are first asked for: that takes longer than all else of a short command.
_NAMES = partial(
    re.finditer,
    rf"""\b{_TITLE}(?:\s+{_TITLE})*\s+(?:[A-Z]\.\s*)*{_WORD}(?:\s+{_WORD})?
    | \b(?i:{_ROLE})\s*:\s*(?:{_TITLE}\s+)*{_WORD}(?:,?\s+{_WORD})*
    | \b(?i:{_BY})\s*:?\s+(?:{_TITLE}\s+)*{_WORD}(?:,?\s+{_WORD})*
    | \b{_WORD}\s+(?:[A-Z]\.\s*)?{_WORD},?\s+{_DEGREE}
    | \b[^\W\d_]{{2,}}\^[^\W\d_]{{2,}}(?:\^\w+)*
    """,
    flags=re.VERBOSE,
)
_ORDINARY = partial(
    re.finditer,
    r":\s*(?:Male|Female|Man|Woman|Boy|Girl|Child|Infant|Adult|Elderly|Unknown|None|Anonymous|Anonymized|Removed"
    r"|A|An|The|This|No|Not|In|Is|Was|Has|Had|Presented?|Presents|History|Stable|Alive|Deceased|Died)\b",
)
"""What follows "Patient:" without being a name."""

_MONTH = (
    r"(?:jan(?:uary|uar|v|vier)?|feb(?:ruary|ruar)?|févr?(?:ier)?|mar(?:ch|s)?|märz|apr(?:il)?|avril|may|mai"
    r"|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|août|sept?(?:ember)?|septembre|o[ck]t(?:ober|obre)?"
    r"|nov(?:ember|embre)?|de[cz](?:ember)?|déc(?:embre)?)"
)
_YEAR = r"(?:(?:19|20)\d\d)"
_WRITTEN_DATE = partial(
    re.finditer,
    rf"""(?<![\w-])(?:
      (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?(?:\s+of)?[\s-]+{_MONTH}\b\.?(?:,?[\s-]+{_YEAR})?
    | {_MONTH}\b\.?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s*(?:mg|ml|cm|mm|%|[.,]\d)))(?:,?\s+{_YEAR})?
    | {_MONTH}\b\.?,?(?:\s+of)?\s+{_YEAR}
    )(?!\w)""",
    flags=re.VERBOSE | re.IGNORECASE,
)
_NUMERIC_DATE = partial(
    re.finditer,
    rf"""(?<![\w.,/-])(?:
      (?P<y>{_YEAR})(?P<s1>[-/.])(?P<m>\d{{1,2}})(?P=s1)(?P<d>\d{{1,2}})
    | (?P<a>\d{{1,2}})(?P<s2>[-/.])(?P<b>\d{{1,2}})(?P=s2)(?:{_YEAR}|\d\d)
    | (?P<packed>{_YEAR}\d{{4}})
    )(?![\w/-]|[.,]\d)""",
    flags=re.VERBOSE,
)
_RECORD = partial(
    re.finditer,
    r"""(?<!\w)(?:
      (?i:MRN|(?:medical\s+|hospital\s+|patient\s+|study\s+)?(?:record|accession|case|file|chart|registration|insurance)
        |(?:patient|hospital)\s+id|NHS|SSN|PID|ID|ACC)
      \s*(?i:no|number|nr|id)?\.?\s*[:#]?\s*\#?(?=[A-Z0-9-]*\d{4})[A-Z0-9][A-Z0-9-]{3,}
    | \d{3}-\d{2}-\d{4} | \d{3}\s\d{3}\s\d{4} | \d{7,}
    )(?![\w-]|[.,]\d)""",
    flags=re.VERBOSE,
)
_PHONE = partial(
    re.finditer,
    r"""(?<![\w.+-])(?:
      \+\d{1,3}[\s.-]?(?:\(?\d{1,4}\)?[\s.-]?){2,5}\d{2,} | \(\d{3}\)\s*\d{3}[\s.-]\d{4} | \d{3}([.-])\d{3}\1\d{4}
    | (?i:tel(?:ephone)?|phone|fax|mobile|cell|pager|ext)\.?\s*[:#]?\s*\(?\d[\d\s()./-]{3,}\d
    )(?!\w)""",
    flags=re.VERBOSE,
)
_EMAIL = partial(re.finditer, r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class Found(NamedTuple):
    """Something in a text that has the form of an identifier: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


def scan(text: str) -> list[Found]:
    """What looks like an identifier in `text`, in its order; no two overlap, dates before numbers."""
    taken: list[Found] = []
    for kind, start, end in _candidates(text):
        if not any(start < other.end and other.start < end for other in taken):
            taken.append(Found(kind, start, end))
    return sorted(taken, key=lambda found: found.start)


def count(texts: Iterable[str]) -> tuple[Counter[Kind], int, int]:
    """How much of each kind all `texts` hold, how many of them hold any, and how many there are."""
    kinds: Counter[Kind] = Counter()
    holding = total = 0
    for text in texts:
        identifiers = scan(text)
        kinds.update(item.kind for item in identifiers)
        holding += bool(identifiers)
        total += 1
    return kinds, holding, total


def blotted(text: str) -> str:
    """`text` with what looks like an identifier replaced by its kind, such as `[date]`.

    Record numbers stay: any long number has their form.
    """
    for kind, start, end in reversed(scan(text)):
        text = text if kind == "record number" else f"{text[:start]}[{kind}]{text[end:]}"
    return text


def _candidates(text: str) -> Iterator[Found]:
    for match in _EMAIL(string=text):
        yield Found("e-mail address", *match.span())
    for match in _NUMERIC_DATE(string=text):
        if _is_date(match):
            yield Found("date", *match.span())
    for match in _WRITTEN_DATE(string=text):
        if 1 <= int(match["day"] or 1) <= 31:
            yield Found("date", *match.span())
    for match in _PHONE(string=text):
        yield Found("telephone number", *match.span())
    for match in _RECORD(string=text):
        yield Found("record number", *match.span())
    for match in _NAMES(string=text):
        if not any(_ORDINARY(string=match.group())):
            yield Found("name", *match.span())


def _is_date(match: re.Match[str]) -> bool:
    if match["packed"]:
        try:
            date.fromisoformat(match["packed"])
        except ValueError:
            return False
        return True
    first, second = int(match["m"] or match["a"]), int(match["d"] or match["b"])
    # Day and month stand in either order, unless the year comes first.
    return 1 <= first <= (12 if match["y"] else 31) and 1 <= second <= 31 and min(first, second) <= 12
