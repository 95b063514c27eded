"""The sections of a report, by the headings that open its lines."""

from __future__ import annotations

import re

from mmdx.data.text.words import plain

_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z /]{2,40}):[ \t]*", re.MULTILINE)


def sections(report: str) -> dict[str, str]:
    """A report by section: text after each line-opening upper-case heading such as `INDICATION:`.

    Headings are lower-cased; text before the first heading is under `""`; a heading that comes twice is joined.
    """
    parts = _HEADING.split(plain(report))
    texts: dict[str, str] = {"": parts[0].strip()} if parts[0].strip() else {}
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        name = heading.strip().lower()
        texts[name] = f"{texts[name]} {text.strip()}" if name in texts else text.strip()
    return texts
