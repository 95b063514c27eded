"""How the page of a comparison looks: on a bright and on a dark screen, narrow and wide, and on paper."""

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --quiet: #57606a; --line: #d5dade; --back: #ffffff; --panel: #f4f6f8;
  --s0: #0b62a4; --s1: #c2570c; --s2: #2f7d32; --s3: #8e3a9d; --s4: #a3152e; --s5: #6b6200; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: #e4e7ea; --quiet: #a3adb6; --line: #3a4249; --back: #15181b; --panel: #1e2327;
    --s0: #6cb6f5; --s1: #f2a15f; --s2: #7fce83; --s3: #d79be4; --s4: #f2889a; --s5: #d6ca54; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
h1, h2, h3, p, li, summary, figcaption, td:first-child { overflow-wrap: anywhere; }
a { color: var(--s0); }
.ground, .notes, figcaption, nav { color: var(--quiet); font-size: .9rem; }
.ground { margin: .25rem 0; }
.notes { padding-left: 1.2rem; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; }
.claims { background: var(--panel); border-left: 4px solid var(--s0); padding: .75rem 1rem; margin: 1.25rem 0; }
.claims p { margin: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; min-width: 6.5rem; }
th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
.range { color: var(--quiet); white-space: nowrap; }
@media (max-width: 60rem) { table { font-size: .77rem; } th, td { padding: .35rem .3rem; } }
details { border-bottom: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; font-weight: 600; }
details h3 { font-weight: 600; font-size: .9rem; }
figure { margin: 1.25rem 0 1.75rem; }
figure svg { display: block; width: 100%; min-width: 30rem; height: auto; font-variant-numeric: tabular-nums; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption { max-width: 46rem; margin-top: .4rem; }
@media print {
  :root { color-scheme: light; --text: #000; --quiet: #444; --line: #bbb; --back: #fff; --panel: #fff; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  table { font-size: 7.5pt; }
  th, td { padding: .2rem .25rem; }
  tr, figure, .claims { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  figure svg { max-width: 13.5cm !important; max-height: 24cm; min-width: 0; }
  details::details-content { content-visibility: visible; display: block; } }
"""
