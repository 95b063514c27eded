"""Raw studies as a reader finds them: order certificates, and every problem."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmdx.data.order.display import turned
from mmdx.data.readers import register_all
from mmdx.data.readers.detect import detect_reader
from mmdx.data.tables.table_columns import ColumnUse
from mmdx.data.text.missing import without_empty
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError
from mmdx.kinds import KINDS
from mmdx.registry import READERS
from mmdx.schema import Component
from mmdx.study import ImageRef, Modality, ModalityFiles, Study, kind_name


@dataclass(frozen=True)
class Inspection:
    """What `reader` finds under `path`; `rows` is one per study and modality, as `rows_of` has them.

    `columns` are those of the reader's table, as it takes them; none without a table. `patients_unknown` counts the
    studies of which nothing says whose they are.
    """

    path: Path
    reader: str
    rows: tuple[dict[str, Any], ...]
    columns: tuple[ColumnUse, ...] = ()
    patients_unknown: int = 0

    @property
    def sound(self) -> bool:
        """Whether every study has a modality that can be read."""
        return all(row["modality"] for row in self.rows)

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(list(self.rows))

    def to_json(self) -> str:
        return json.dumps(self.rows, indent=2) + "\n"

    def save(self, path: Path) -> None:
        """Writes the rows as JSON. Raises `UsageError` where the file cannot be written."""
        try:
            path.write_text(self.to_json(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--json {path}: cannot be written ({error.strerror}); choose another file") from None


def inspect(
    path: Path,
    *,
    reader: str | None = None,
    options: Mapping[str, Any] | None = None,
    plugins: Sequence[str] = (),
) -> Inspection:
    """Reads the studies under `path`, without any pixel, as `find_studies` does."""
    name, studies = find_studies(path, reader=reader, options=options, plugins=plugins)
    columns = _columns_taken(Component(type=name, **dict(options or {})), path)
    unknown = sum(not study.patient_known for study in studies)
    return Inspection(path, name, tuple(rows_of(studies, path)), columns, unknown)


def _columns_taken(reader: Component, path: Path) -> tuple[ColumnUse, ...]:
    """What the module of a reader of tables says in its function `columns_taken`; nothing of other readers."""
    taken = vars(sys.modules[READERS.get(reader.type).__module__]).get("columns_taken")
    return tuple(taken(path, **READERS.options(reader))) if taken is not None else ()


def find_studies(
    path: Path, *, reader: str | None = None, options: Mapping[str, Any] | None = None, plugins: Sequence[str] = ()
) -> tuple[str, list[Study]]:
    """The name of the reader, and the studies that it finds under `path`.

    The reader is `dicom` or `folder`, whichever fits, if None; `options` are its own. `plugins` are modules of the
    user's own, imported first. Raises `UsageError` where there is nothing at `path`.
    """
    register_all()
    import_plugins(plugins)
    if reader is None and not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    component = Component(type=reader or detect_reader(path).type, **dict(options or {}))
    where = "--reader" if reader else f"reader {component.type}"
    return component.type, without_empty(READERS.build(component, where, root=path))


def rows_of(studies: Sequence[Study], root: Path) -> list[dict[str, Any]]:
    """One row per study and modality, fit for JSON; a study without modalities has one row, of modality and kind "".

    `kind` is a name of `mmdx.kinds.KINDS`. `files` are paths relative to `root` in certified order, `#frame` behind
    those of multi-frame files but for frame 0, `#key#frame` behind files that hold many images. All but images have no
    images and no order, and all but text have files. `problems` are those of the whole study.
    """
    base = root.parent if root.is_file() else root
    return [
        _row(study, modality, value, base)
        for study in studies
        for modality, value in (study.modalities.items() if study.modalities else [("", "")])
    ]


def _row(study: Study, modality: str, value: Modality, base: Path) -> dict[str, Any]:
    kind = KINDS[kind_name(value)] if modality else None
    files = value if isinstance(value, ModalityFiles) else None
    pictures = files if kind is not None and kind.pictured else None
    order = pictures.order if pictures else None
    return {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "modality": modality,
        "kind": kind.name if kind is not None else "",
        "images": len(pictures.refs) if pictures else 0,
        "order_source": order.source if order else None,
        "spacing_mm": order.spacing_mm if order else None,
        "gaps": list(order.gaps) if order else [],
        "duplicates": list(order.duplicates) if order else [],
        "turned": turned(order.axes) if order else "",
        "problems": list(study.problems),
        "files": [_name(ref, base) for ref in (files.refs if files else ())],
    }


def _name(ref: ImageRef, base: Path) -> str:
    name = ref.path.relative_to(base) if ref.path.is_relative_to(base) else ref.path
    if ref.key:
        return f"{name.as_posix()}#{ref.key}#{ref.frame}"
    return f"{name.as_posix()}#{ref.frame}" if ref.frame else name.as_posix()
