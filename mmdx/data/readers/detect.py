"""Which reader takes a folder or file that nobody said more about."""

from __future__ import annotations

from pathlib import Path

from mmdx.data.dicom.files import is_dicom
from mmdx.data.files import refuse_special, walked
from mmdx.data.readers import register_all
from mmdx.schema import Component


def detect_reader(path: Path) -> Component:
    """`dicom` where `path` is or holds a DICOM file and has no metadata table of its own, else `folder`."""
    register_all()
    refuse_special(path)
    if path.is_file():
        return Component(type="dicom" if is_dicom(path) else "folder")
    tables = any((path / name).is_file() for name in ("metadata.csv", "metadata.jsonl"))
    files = (Path(entry.path) for entry in walked(path) if Path(entry.path).is_file())
    return Component(type="dicom" if not tables and any(is_dicom(file) for file in files) else "folder")
