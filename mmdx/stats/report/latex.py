"""Tables for a paper: LaTeX with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmdx.stats.report.tables import Sheet

MOST_ROWS = 40
"""Rows beyond which a table runs over several pages."""
HEAD = r"""% Tables for \input; the preamble needs \usepackage{booktabs} and \usepackage{longtable}.
"""
_MARKS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "…": r"\dots{}",
    "−": "$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "·": r"$\cdot$",
} | {mark: f"\\{mark}" for mark in "_%&#$"}


def latex(sheets: Sequence[Sheet]) -> str:
    """Every table, each with its caption and its label: `tab:` and the title in lower case."""
    labels: list[str] = []
    for sheet in sheets:
        plain = re.sub(r"[^a-z0-9]+", "-", sheet.title.lower()).strip("-")
        same = sum(re.sub(r"\.\d+$", "", label) == plain for label in labels)
        labels.append(f"{plain}.{same + 1}" if same else plain)
    return HEAD + "".join(_table(sheet, label) for sheet, label in zip(sheets, labels, strict=True))


def _table(sheet: Sheet, label: str) -> str:
    columns = "l" + "r" * (len(sheet.header) - 1)
    header, *rows = (" & ".join(map(escape, line)) + r" \\" for line in (sheet.header, *sheet.rows))
    caption = rf"\caption{{{escape(sheet.title)}}}\label{{tab:{label}}}"
    body = "\n".join([r"\midrule", *rows, r"\bottomrule"])
    small = r"\footnotesize\setlength{\tabcolsep}{4pt}"
    if len(rows) > MOST_ROWS:
        # longtable has two heads: the first with the caption, the other for each further page.
        return (
            f"\n{{{small}\n\\begin{{longtable}}{{{columns}}}\n{caption}\\\\\n\\toprule\n{header}\n\\endfirsthead\n"
            f"\\toprule\n{header}\n\\midrule\n\\endhead\n{body}\n\\end{{longtable}}}}\n"
        )
    return (
        f"\n\\begin{{table}}\n\\centering{small}\n{caption}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{header}\n"
        f"{body}\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def escape(text: str) -> str:
    """Text as LaTeX shows it. An interval stays on one line, and a minus is one."""
    escaped = "".join(_MARKS.get(mark, mark) for mark in text)
    escaped = re.sub(r"(?<![\w.}])-(?=\d)", "$-$", escaped)
    # A bracket right after the `\\` that ends a row would be read as its option.
    escaped = "{[}" + escaped[1:] if escaped.startswith("[") else escaped
    return re.sub(r" \[[^\[\]]*\]", lambda match: match.group().replace(" ", "~"), escaped)
