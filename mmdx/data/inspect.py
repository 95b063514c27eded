"""What `mmdx inspect` shows of raw studies: their order certificates, and every problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mmdx.study import ImageFiles, ImageRef, Study


def rows(studies: Sequence[Study], root: Path) -> list[dict[str, Any]]:
    """One row a study and modality, fit for JSON; a study without modalities has one row, of modality "".

    `files` are paths relative to `root` in certified order, `#frame` behind those of multi-frame files but for frame
    0. Text has no images and no order. `problems` are those of the whole study.
    """
    base = root.parent if root.is_file() else root
    return [
        _row(study, modality, value, base)
        for study in studies
        for modality, value in (study.modalities.items() if study.modalities else [("", "")])
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for a terminal of 80 columns or more; long identifiers keep their end, which tells them apart.

    `n` (images), `gaps` and `dup` (duplicates) are counts; which images they are is in `rows`. Problems stand at the
    first row of their study.
    """
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("study", "modality"):
        result.add_column(column, no_wrap=True)
    result.add_column("n", justify="right", no_wrap=True)
    result.add_column("order", no_wrap=True)
    for column in ("mm", "gaps", "dup"):
        result.add_column(column, justify="right", no_wrap=True)
    result.add_column("problems", overflow="fold", min_width=16)
    before = None
    for row in rows:
        spacing = "" if row["spacing_mm"] is None else f"{row['spacing_mm']:.4g}"
        counts = [str(len(row[name]) or "") for name in ("gaps", "duplicates")]
        problems = "\n".join(row["problems"]) if row["study_id"] != before else ""
        names = [_end(row["study_id"], 14), _end(row["modality"], 8), str(row["images"]), row["order_source"] or ""]
        result.add_row(*(Text(cell) for cell in (*names, spacing, *counts, problems)))
        before = row["study_id"]
    return result


def _end(name: str, width: int) -> str:
    return name if len(name) <= width else f"…{name[1 - width :]}"


def _row(study: Study, modality: str, value: ImageFiles | str, base: Path) -> dict[str, Any]:
    images = value if isinstance(value, ImageFiles) else None
    order = images.order if images else None
    return {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "modality": modality,
        "images": len(images.images) if images else 0,
        "order_source": order.source if order else None,
        "spacing_mm": order.spacing_mm if order else None,
        "gaps": list(order.gaps) if order else [],
        "duplicates": list(order.duplicates) if order else [],
        "problems": list(study.problems),
        "files": [_name(ref, base) for ref in images.images] if images else [],
    }


def _name(ref: ImageRef, base: Path) -> str:
    name = ref.path.relative_to(base) if ref.path.is_relative_to(base) else ref.path
    return f"{name.as_posix()}#{ref.frame}" if ref.frame else name.as_posix()
