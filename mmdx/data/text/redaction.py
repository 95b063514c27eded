"""What of a report a model may read: sections kept or dropped, terms masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mmdx.data.text.sections import sections
from mmdx.data.text.words import plain, whole_word
from mmdx.schema import ReportOptions

MASK = "[MASKED]"
MOST_KEPT = 4096
"""Reports that are kept as they were redacted last: every epoch reads the same ones."""


def redacted(report: str, options: ReportOptions) -> str:
    """`report` (`plain`) without the sections that `options` drop and with its terms masked.

    Sections that stay keep their headings, in upper case. A report of which nothing is left is empty.
    """
    if options.keep_sections or options.drop_sections or options.mask:
        return _without(report, options)  # pyright: ignore[reportArgumentType]
    return plain(report).strip()


@lru_cache(MOST_KEPT)
def _without(report: str, options: ReportOptions) -> str:
    report = plain(report)
    if options.keep_sections or options.drop_sections:
        remaining = {name: text for name, text in sections(report).items() if options.reads(name)}
        report = "\n".join(f"{name.upper()}: {text}" if name else text for name, text in remaining.items())
    if options.mask:
        report = _words(options.mask).sub(MASK, report)
    return report.strip()


@lru_cache
def _words(terms: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the terms as whole words, the longest first."""
    return re.compile("|".join(map(whole_word, sorted(terms, key=len, reverse=True))), re.IGNORECASE)


def withheld(options: ReportOptions) -> str:
    """What `redacted` takes away, to be read after "without"; empty where it takes nothing."""
    parts = []
    if options.keep_sections:
        parts.append(f"sections other than {_named(options.keep_sections)}")
    if options.drop_sections:
        parts.append(f"the sections {_named(options.drop_sections)}")
    if options.mask:
        parts.append(f"the terms {_named(options.mask)}")
    return "; ".join(parts)


def absent_sections(reports: Iterable[str], options: ReportOptions) -> list[str]:
    """The sections that `options` name and none of `reports` has: spelt otherwise, they would not be taken away."""
    missing = {name for name in (*options.keep_sections, *options.drop_sections) if name}
    for report in reports:
        if not missing:
            break
        missing -= sections(report).keys()
    return sorted(missing)


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" if name else "what stands before any heading" for name in names)
