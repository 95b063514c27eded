"""Readers find studies: `read(root, *, option=default) -> list[Study]`; imports images, tables, phantom and below.

They import the phantom, images, DICOM, tables and what lies below, and the hallway.
"""

from __future__ import annotations

import importlib
import pkgutil


def register_all() -> None:
    """Imports every module of this package: a reader registers itself when it is imported."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):  # what readers share
            importlib.import_module(f"{__name__}.{module.name}")
