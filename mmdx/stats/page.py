"""A comparison as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from mmdx.stats.claims import audit_lines, claims, notes, subject, units
from mmdx.stats.compare import Comparison
from mmdx.stats.forest import ForestLine, forest
from mmdx.stats.tables import Sheet

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --quiet: #5d666f; --line: #d5dade; --back: #ffffff; --panel: #f5f7f8;
  --s0: #0b62a4; --s1: #c2570c; --s2: #2f7d32; --s3: #8e3a9d; --s4: #a3152e; --s5: #6b6200; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ea; --quiet: #9aa4ad; --line: #3a4249; --back: #15181b; --panel: #1e2327;
    --s0: #6cb6f5; --s1: #f2a15f; --s2: #7fce83; --s3: #d79be4; --s4: #f2889a; --s5: #d6ca54; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
h1, h2, p, li, td:first-child { overflow-wrap: anywhere; }
.ground, .notes, figcaption { color: var(--quiet); font-size: .9rem; }
.claims { background: var(--panel); border-left: 4px solid var(--s0); padding: .75rem 1rem; margin: 1.25rem 0; }
.claims p { margin: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; min-width: 7rem; }
th { color: var(--quiet); font-weight: 600; }
@media (max-width: 60rem) { table { font-size: .74rem; } th, td { padding: .35rem .25rem; } }
figure { margin: 1rem 0; }
.forest { width: 100%; max-width: 760px; height: auto; display: block; font: 12px system-ui, sans-serif; }
.forest text { fill: var(--text); font-variant-numeric: tabular-nums; }
.forest .group { font-weight: 600; } .forest .value { text-anchor: end; }
.forest .tick { text-anchor: middle; fill: var(--quiet); }
.forest .grid { stroke: var(--line); } .forest .zero { stroke: var(--text); stroke-dasharray: 4 3; }
@media print {
  :root { color-scheme: light; --text: #000; --quiet: #444; --line: #bbb; --back: #fff; --panel: #fff; --s0: #0b62a4;
    --s1: #c2570c; --s2: #2f7d32; --s3: #8e3a9d; --s4: #a3152e; --s5: #6b6200; }
  main { max-width: none; padding: 0; } table { font-size: 7.5pt; } .forest { max-width: 14cm; }
  section, figure { break-inside: avoid; } .scroll { overflow: visible; } }
""" + "".join(
    f".forest line.s{i} {{ stroke: var(--s{i}); stroke-width: 2; }} .forest circle.s{i} {{ fill: var(--s{i}); }}\n"
    for i in range(6)
)


def page(comparison: Comparison, sheets: Sequence[Sheet]) -> str:
    """The page: what the comparison says, forest plots of AUROC and its differences, `sheets`, and notes."""
    title = f"Comparison: {' · '.join(arm.name for arm in comparison.arms)}"
    patients = f"{comparison.patients} patient{'' if comparison.patients == 1 else 's'}"
    findings = f"{len(comparison.findings)} finding{'' if len(comparison.findings) == 1 else 's'}"
    ground = f"{patients}, {units(comparison, comparison.rows)}, {findings}"
    body = [f"<h1>{escape(title)}</h1>", f'<p class="ground">{escape(ground)}</p>']
    body += [f'<p class="audit">{_text(line)}</p>' for line in audit_lines(comparison)]
    body += ['<div class="claims">']
    body += [f"<p>{_text(sentence)}</p>" for sentence in claims(comparison)]
    body += ["</div>", _figure(_auroc_plot(comparison), "AUROC with 95 % intervals over patients.")]
    if len(comparison.arms) > 1:
        caption = f"Differences in AUROC: {comparison.reference.name} minus each other model. Zero: no difference."
        body.append(_figure(_difference_plot(comparison), caption))
    body += [_table(sheet) for sheet in sheets]
    body += ["<section><h2>Notes</h2>", '<ul class="notes">']
    body += [f"<li>{_text(line)}</li>" for line in notes(comparison)]
    body += ["</ul></section>"]
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(body) + "\n</main></body>\n</html>\n"
    )


def _rows(comparison: Comparison) -> list[tuple[str, str | None]]:
    """The lines' groups: the mean, then each finding, the mean alone standing for a single finding."""
    head: list[tuple[str, str | None]] = [(subject(comparison, "auroc", None), None)]
    if len(comparison.findings) == 1:
        return head
    return head + [(count.finding, count.finding) for count in comparison.findings]


def _auroc_plot(comparison: Comparison) -> str:
    lines = []
    for heading, finding in _rows(comparison):
        lines.append(ForestLine(heading))
        for series, arm in enumerate(comparison.arms):
            lines.append(ForestLine(arm.name, comparison.estimates[arm.name, "auroc", finding], series))
    return forest(lines, title="AUROC of each model with 95 % intervals", most=1.0)


def _difference_plot(comparison: Comparison) -> str:
    lines = []
    for heading, finding in _rows(comparison):
        lines.append(ForestLine(heading))
        for series, arm in enumerate(comparison.arms[1:], start=1):
            estimate = comparison.differences[arm.name, "auroc", finding].estimate
            lines.append(ForestLine(f"minus {arm.name}", estimate, series))
    return forest(lines, title="Differences in AUROC with 95 % intervals", zero=0.0)


def _figure(plot: str, caption: str) -> str:
    return f"<figure>{plot}<figcaption>{_text(caption)}</figcaption></figure>"


def _table(sheet: Sheet) -> str:
    header = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in sheet.header)
    rows = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in sheet.rows)
    table = f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<section><h2>{escape(sheet.title)}</h2><div class="scroll">{table}</div></section>'


def _text(text: str) -> str:
    """Escaped text that breaks no line inside `[low, high]` or before a percent sign."""
    return re.sub(r"(\[[-\d.]+,) ", r"\1&nbsp;", escape(text)).replace(" %", "&nbsp;%")
