"""`reporting.md`: CLAIM, TRIPOD+AI, STARD-AI and PROBAST+AI, filled with what the files of a run say.

Each filled cell names the file and the key it came from. What only the authors can know is left open, in words that are
easily found. The items stand in YAML files beside this one; a fact that a run has no file for leaves its item open as
well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from mmdx.engine.reporting.checklists import data, model
from mmdx.engine.runs.files import Cell, RunFiles
from mmdx.files import RunLayout, write_text
from mmdx.stats.cohort.unfinished import unfinished
from mmdx.templates import code_span
from mmdx.yaml_text import parse_yaml

OPEN = "to be filled in by the authors"
EVERYTHING = "all of it"
"""What is left open where a run says nothing of an item."""
_CHECKLISTS = Path(__file__).with_name("items.yaml")
_ONE_EACH = tuple(Path(__file__).with_name(f"{name}.yaml") for name in ("stard_ai", "probast_ai"))
COMPARED = {
    "calibration": "reliability",
    "thresholds": "confusion",
    "subgroups": "subgroups",
    "missing_rate": "missing",
    "disagreements": "disagreements",
    "explanations": "explanations",
    "inputs_used": "inputs",
    "decisions": "decisions",
}
"""Facts that `mmdx compare` finds, and the section of `compare.json` in which each stands."""
Fact = Callable[[RunFiles], Iterator[Cell]]


def _of_comparison(files: RunFiles, *, name: str, section: str) -> Iterator[Cell]:
    """That a section of the comparison is there, whose numbers are too many for a cell."""
    if files.value("compare.json", f"sections.{section}") is not None:
        yield Cell(f"{name.replace('_', ' ')}: in the comparison", f"compare.json: sections.{section}")


OF_DATA: Mapping[str, Fact] = {
    "source": data.source,
    "excluded": data.excluded,
    "flow": data.flow,
    "table_1": data.table_1,
    "shift": data.shift,
    "split": data.split,
    "dealt": data.dealt,
    "disjoint": data.disjoint,
    "audit": data.audit,
    "shortcuts": data.shortcuts,
    "subsets": data.subsets,
    "preprocessing": data.preprocessing,
    "privacy": data.privacy,
    "missing": data.missing,
    "acquisition": data.acquisition,
    "characteristics": data.characteristics,
    "prevalence": data.prevalence,
    "licence": data.licence,
}
OF_MODEL: Mapping[str, Fact] = {
    "findings": model.findings,
    "technology": model.technology,
    "inputs": model.inputs,
    "model": model.model,
    "output": model.output,
    "software": model.software,
    "initialisation": model.initialisation,
    "training": model.training,
    "augmentation": model.augmentation,
    "selection": model.selection,
    "ensemble": model.ensemble,
    "imbalance": model.imbalance,
    "absence": model.absence,
    "orders": model.orders,
    "showings": model.showings,
    "baselines": model.baselines,
    "tested": model.tested,
    "external": model.external,
    "sizes": model.sizes,
    "by_outcome": model.by_outcome,
    "metrics": model.metrics,
    "uncertainty": model.uncertainty,
    "performance": model.performance,
    "by_finding": model.by_finding,
    "scores": model.scores,
    "record": model.record,
    "available": model.available,
}
FACTS: Mapping[str, Fact] = {
    **OF_DATA,
    **OF_MODEL,
    **{name: partial(_of_comparison, name=name, section=section) for name, section in COMPARED.items()},
}
"""What a run can be asked, by the names in the YAML files."""


def write_reporting(folder: Path, compared: Path | None = None, *, into: Path | None = None) -> Path:
    """Writes all tables from the files of a run folder and from the `compare.json` of a folder `compared` (None: of the
    run folder) into a third one (None: beside the comparison), and returns the file."""
    files = RunFiles(folder, compared or folder)
    standing = unfinished(folder) if compared is not None else None  # a training writes its own before its end
    parts = [
        "# Reporting checklists",
        *([f"**{standing.sentence[:1].upper()}{standing.sentence[1:]}.**"] if standing is not None else []),
        "What the files of this run say, item by item, and in brackets where they say it. The items are in short "
        f"words of our own; the official wording decides. What only you can know is left open: {OPEN}.",
    ]
    if files.evaluated is not None:
        parts.append(
            "This is an evaluation on a second cohort: config.yaml, checkpoints/, log.jsonl, final.json and audit.json "
            f"are files of {code_span(files.evaluated.name)}, the run that was evaluated, and say how that was trained."
        )
    for checklist in read_checklists():
        rows = [(item["item"], item["section"], item["asks"], _answer(item, files)) for item in checklist["items"]]
        parts += [f"## {checklist['name']}", f"{checklist['title']}. {checklist['source']}.", _table(rows)]
    path = RunLayout(into or compared or folder).reporting
    write_text(path, "\n\n".join(parts) + "\n")
    return path


@cache
def read_checklists() -> list[dict[str, Any]]:
    """The checklists in their order, as their files have them."""
    several, *alone = (parse_yaml(path.read_text(encoding="utf-8"), path.name) for path in (_CHECKLISTS, *_ONE_EACH))
    return [*several["checklists"], *alone]


def _answer(item: Mapping[str, Any], files: RunFiles) -> str:
    """The cell of an item: what the files say, and what is left open."""
    cells = {name: [str(cell) for cell in FACTS[name](files)] for name in item["facts"]}
    waiting = [name.replace("_", " ") for name in cells if name in COMPARED and not cells[name]]
    parts = [cell for of_fact in cells.values() for cell in of_fact]
    parts += [f"{', '.join(waiting)}: not looked at yet (mmdx compare)"] if waiting else []
    rest = item["open"]
    if not rest:
        return "; ".join(parts) or OPEN
    return "; ".join([*parts, OPEN if rest == EVERYTHING else f"{rest}: {OPEN}"])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [("item", "section", "what it asks", "what this run says"), ("---",) * 4, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
