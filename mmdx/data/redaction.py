"""What of a report a model may read: sections kept or dropped, terms masked."""

from __future__ import annotations

import re

from mmdx.config import ReportOptions
from mmdx.data.text import sections

MASK = "[MASKED]"


def redacted(report: str, options: ReportOptions) -> str:
    """`report` without the sections that `options` drop and with its terms masked; unchanged where they ask nothing.

    Sections that stay keep their headings, in upper case. A report of which nothing is left is empty.
    """
    if options.keep_sections or options.drop_sections:
        kept = {name: text for name, text in sections(report).items() if _stays(name, options)}
        report = "\n".join(f"{name.upper()}: {text}" if name else text for name, text in kept.items())
    if options.mask:
        terms = sorted(map(re.escape, options.mask), key=len, reverse=True)
        report = re.sub(rf"(?<!\w)(?:{'|'.join(terms)})(?!\w)", MASK, report, flags=re.IGNORECASE)
    return report.strip()


def _stays(section: str, options: ReportOptions) -> bool:
    return (not options.keep_sections or section in options.keep_sections) and section not in options.drop_sections
