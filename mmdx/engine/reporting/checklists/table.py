"""`reporting.md`: the CLAIM and TRIPOD+AI checklists, filled with what the files of a run say.

Each filled cell names the file and the key it came from. What only the authors can know is left open, in words that are
easily found. The items stand in `items.yaml`; a fact that a run has no file for leaves its item open as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mmdx.engine.reporting.checklists import data as reporting_data
from mmdx.engine.reporting.checklists import model as reporting_model
from mmdx.engine.runs.files import Cell, RunFiles
from mmdx.files import RunLayout, write_text
from mmdx.stats.evidence import Evidence
from mmdx.yaml_text import parse_yaml

REPORTING = "reporting.md"
OPEN = "to be filled in by the authors"
EVERYTHING = "all of it"
"""What is left open where a run says nothing of an item."""
_CHECKLISTS = Path(__file__).with_name("items.yaml")
COMPARED = {
    "calibration": "reliability",
    "thresholds": "confusion",
    "subgroups": "subgroups",
    "missing_rate": "missing",
    "disagreements": "disagreements",
}
"""Facts that `mmdx compare` finds, and the section of `compare.json` in which each stands."""
Fact = Callable[[RunFiles], Iterator[Cell]]


def write_reporting(folder: Path, compared: Path | None = None) -> Path:
    """Writes both tables from the files of a run folder into it, or, beside a comparison, from these and from
    `compare.json` into the folder `compared`; returns the file."""
    files, facts = RunFiles(folder, compared or folder), known_facts()
    parts = [
        "# Reporting checklists",
        "What the files of this run say, item by item, and in brackets where they say it. The items are told in short "
        f"words of our own; the official wording decides. What only you can know is left open: {OPEN}.",
    ]
    for checklist in read_checklists():
        rows = [
            (item["item"], item["section"], item["asks"], _answer(item, facts, files)) for item in checklist["items"]
        ]
        parts += [f"## {checklist['name']}", f"{checklist['title']}. {checklist['source']}.", _table(rows)]
    place = compared or folder
    write_text(place / REPORTING, "\n\n".join(parts) + "\n")
    return place / REPORTING


def save_comparison(evidence: Evidence, folder: Path) -> None:
    """Writes a comparison into a folder, with `reporting.md` where its reference is a run.

    The checklists there are filled from that run and from this comparison.
    """
    evidence.save(folder)
    if evidence.reference is not None and RunLayout(evidence.reference).config.is_file():
        write_reporting(evidence.reference, folder)


def read_checklists() -> list[dict[str, Any]]:
    return parse_yaml(_CHECKLISTS.read_text(encoding="utf-8"), _CHECKLISTS.name)["checklists"]


def known_facts() -> Mapping[str, Fact]:
    """What a run can be asked, by the names in `items.yaml`."""
    found: dict[str, Fact] = {}
    for module in (reporting_data, reporting_model):
        found |= {name: fact for name, fact in vars(module).items() if _is_fact(module, name, fact)}
    for name, key in COMPARED.items():
        found[name] = lambda files, name=name, key=key: _of_comparison(files, name, key)
    return found


def _is_fact(module: ModuleType, name: str, found: Any) -> bool:
    return callable(found) and not name.startswith("_") and found.__module__ == module.__name__


def _of_comparison(files: RunFiles, name: str, key: str) -> Iterator[Cell]:
    """That a section of the comparison is there, whose numbers are too many for a cell."""
    if files.value("compare.json", f"sections.{key}") is not None:
        yield Cell(f"{name.replace('_', ' ')}: in the comparison", f"compare.json: sections.{key}")


def _answer(item: Mapping[str, Any], facts: Mapping[str, Fact], files: RunFiles) -> str:
    found = {name: [str(cell) for cell in facts[name](files)] for name in item["facts"]}
    waiting = [name.replace("_", " ") for name, cells in found.items() if name in COMPARED and not cells]
    told = [cell for cells in found.values() for cell in cells]
    told += [f"{', '.join(waiting)}: not looked at yet (mmdx compare)"] if waiting else []
    rest = item["open"]
    if not rest:
        return "; ".join(told) or OPEN
    return "; ".join([*told, OPEN if rest == EVERYTHING else f"{rest}: {OPEN}"])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [("item", "section", "what it asks", "what this run says"), ("---",) * 4, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
